#!/usr/bin/env python3
"""The least that PostgreSQL itself needs, as a peer of benchmarks/peers/on_servers: libpq_loop.c for
batches and pick-ups, pgbench for single rows.

    postgres_peer.py BASELINE_LIBPQ_LOOP PGBENCH
"""

import json
import re
import subprocess
import sys
import tempfile
import time


def main():
    loop, pgbench = sys.argv[1:3]
    url = None

    def run(command, *arguments):
        return subprocess.run([loop, url, command, *map(str, arguments)], check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def submit(count, callers, payload_bytes):
        """pgbench's rate; its start is no part of it."""
        text = '{"text":"' + "a" * (payload_bytes - 11) + '"}'
        each = max(1, count // callers)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(f"INSERT INTO job (id, payload) VALUES (gen_random_uuid(), '{text}');\n")
            script.flush()
            out = subprocess.run(
                [pgbench, "-n", "-M", "prepared", "-c", str(callers), "-j", str(min(callers, 2)), "-t",
                 str(each), "-f", script.name, url], check=True, stdout=subprocess.PIPE, text=True).stdout
        rate = float(re.search(r"tps = ([0-9.]+)", out).group(1))
        return {"seconds": count / rate}

    for line in sys.stdin:
        request = json.loads(line)
        what = request["do"]
        try:
            if what == "hello":
                url = request["postgres"]
                run("prepare")
                answer = {"version": "libpq", "settings": "pipelined batches of 1000 on two connections; "
                          "pgbench -M prepared"}
            elif what in ("load", "drain"):
                began = time.monotonic()
                seconds = float(run(what, request["count"], request.get("bytes", 200)))
                answer = {"seconds": seconds, "with_start": time.monotonic() - began}
            elif what == "submit":
                answer = submit(request["count"], request["callers"], request["bytes"])
            elif what == "pickup":
                answer = {"us": [float(word) for word in run(what, request["count"], request["bytes"]).split()]}
            elif what == "clear":
                run("clear")
                answer = {}
            else:
                answer = {"error": "no such request"}
        except (subprocess.SubprocessError, OSError, ValueError, AttributeError) as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
