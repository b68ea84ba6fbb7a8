#!/usr/bin/env python3
"""A child of isolated handlers without the library's help (docs/isolation.md)."""

import json
import os
import struct
import sys
import time


def read(size):
    data = sys.stdin.buffer.read(size)
    if len(data) < size:
        sys.exit(0)  # The worker is gone, or has no more jobs.
    return data


def write(message):
    data = json.dumps(message).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(data)) + data)
    sys.stdout.buffer.flush()


while True:
    (length,) = struct.unpack(">I", read(4))
    message = json.loads(read(length))
    if message["type"] != "job":
        continue
    write({"type": "progress", "fraction": 0.5, "note": "half"})
    # A success need not wait for its progress to be written: whoever wants to see it holds the end up.
    while not os.path.exists(message["payload"]["ends_with"]):
        time.sleep(0.005)
    write({"type": "result", "result": {"words": len(message["payload"]["text"].split())}})
