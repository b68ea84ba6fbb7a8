#!/usr/bin/env python3
"""Submits a job to a file that custom_handler works on, and shows how it goes.

submit_and_wait.py [TEXT [URL]]   (sqlite:tutorial.db)
"""

import sys

import rwp


def main() -> int:
    text = sys.argv[1] if len(sys.argv) > 1 else "as many words as you like"
    with rwp.Client(sys.argv[2] if len(sys.argv) > 2 else "sqlite:tutorial.db") as client:
        job = client.submit("text.count_words", {"text": text}, max_attempts=3, tags=["tutorial"])
        print("durable:", job.id)
        while True:
            try:
                ended = client.wait(job.id, timeout=0.1)
                break
            except rwp.DeadlineExceeded:
                fraction, _ = client.progress(job.id)
                print(f"{client.get(job.id).state}, {fraction:.0%}")
        if ended.state != "succeeded":
            print("failed:", ended.errors[-1].message, file=sys.stderr)
            return 1
        print("result:", ended.result)
        return 0


if __name__ == "__main__":
    sys.exit(main())
