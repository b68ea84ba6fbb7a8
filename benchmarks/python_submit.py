"""The Python side of python_benchmark: submits jobs in batches, and prints the seconds that took.

usage: python_submit.py FILE BATCHES JOBS_A_BATCH TEXT
"""

import sys
import time

import rwp

path, batches, size, text = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with rwp.Client(f"sqlite:{path}") as client:
    begin = time.perf_counter()
    for _ in range(batches):
        answers = client.submit_many([("benchmark.no_op", {"text": text}) for _ in range(size)])
        if not all(isinstance(answer, rwp.Submitted) for answer in answers):
            sys.exit("a job was refused")
    print(time.perf_counter() - begin)
