#!/usr/bin/env python3
"""Has a model summarise each row of a CSV file; killed and run again, it goes on where it was.

batch_csv.py INPUT OUTPUT [MODEL_URL]   (columns title and description; local:)
"""

import csv
import os
import sys
from typing import Any, Dict

import rwp


def main() -> int:
    source, target = sys.argv[1:3]
    model = rwp.ai.Model(sys.argv[3] if len(sys.argv) > 3 else "local:",
                         key=os.environ.get("OPENAI_API_KEY"))
    client = rwp.Client("sqlite:batch_csv.db")
    worker = rwp.Worker(client, concurrency=8)

    @worker.handler("ad.summarise", timeout=60)
    def summarise(job: rwp.JobContext) -> Dict[str, Any]:
        reply = model.chat(f"Summarise: {job.payload['title']}. {job.payload['description']}")
        return {"title": job.payload["title"], "summary": reply.content, "model": reply.model}

    with open(source, newline="", encoding="utf-8") as rows:
        # The key makes a row's job the same one in every run of this program.
        jobs = [rwp.NewJob("ad.summarise", row, idempotency_key=f"{source}:{number}")
                for number, row in enumerate(csv.DictReader(rows))]
    with worker:
        answers = client.submit_many(jobs)
        ids = [answer.id for answer in answers if isinstance(answer, rwp.Submitted)]
        ended = client.wait_all(ids, timeout=600)
    for answer in answers:
        if isinstance(answer, rwp.Error):  # Such as a row that is not what it was.
            print("refused:", answer, file=sys.stderr)
    done = [job for job in ended if isinstance(job, rwp.Job) and job.state == "succeeded"]
    with open(target, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, ["title", "summary", "model"])
        writer.writeheader()
        writer.writerows(job.result for job in done)
    print(f"{len(done)} of {len(jobs)} rows summarised, {target} written")
    return 0 if len(done) == len(jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
