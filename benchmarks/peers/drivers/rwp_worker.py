"""A worker process of ours."""

import sys

import rwp

worker = rwp.Worker(sys.argv[1])


@worker.handler("no_op")
def no_op(job: rwp.JobContext) -> None:
    job.payload["text"]


worker.run()
