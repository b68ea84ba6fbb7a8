#!/usr/bin/env python3
"""Puts 10,000 objects of 1 KiB with boto3 from 16 threads; prints how many a second.

usage: boto3_puts.py ENDPOINT PREFIX
"""

import concurrent.futures
import sys
import time

import boto3
from botocore.config import Config

COUNT = 10_000
THREADS = 16


def main():
    endpoint, prefix = sys.argv[1:3]
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="testaccess",
        aws_secret_access_key="testsecret123456",
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=THREADS),
    )
    body = b"x" * 1024

    def put(number):
        client.put_object(Bucket="objects", Key=f"{prefix}/boto3/{number}", Body=body)

    put(0)
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for done in pool.map(put, range(COUNT)):
            pass
    print(COUNT / (time.monotonic() - begun))


if __name__ == "__main__":
    main()
