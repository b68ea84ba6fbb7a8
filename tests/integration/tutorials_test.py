"""The tutorials in examples/ do what docs/tutorials.md says, and stay short.

usage: tutorials_test.py PROJECT_DIRECTORY FOLDER_OF_PROGRAMS [PYTHON PACKAGE_DIRECTORY]
"""

import csv
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

LIMIT = 120
TUTORIALS = ["submit_and_wait.cpp", "custom_handler.cpp", "embed_in_asio_server.cpp",
             "submit_and_wait.py", "batch_csv.py"]


def ran(command, directory, code=0, **more):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=LIMIT, **more)
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def check_submit_and_wait(command, directory, three):
    output, _ = ran([*command, "one two three"], directory)
    lines = output.splitlines()
    assert lines[0].startswith("durable: ") and lines[-1] == three, output
    _, errors = ran([*command, ""], directory, code=1)
    assert "failed" in errors and "text: is empty" in errors, errors


def check_server(programs, directory):
    server = subprocess.Popen([programs / "embed_in_asio_server"], cwd=directory,
                              stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
            connection.sendall(b"one two\nthree\n")
            answers = connection.makefile().readline(), connection.makefile()
        assert answers[0] == '{"words":2}\n', answers
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def check_batch(project, python, directory, environment):
    source = project / "examples/data/job_ads.csv"
    with open(source, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    command = [python, project / "examples/batch_csv.py", source, "out.csv"]
    written = []
    for _ in range(2):  # The second run finds all done.
        output, _ = ran(command, directory, env=environment)
        assert f"{len(rows)} of {len(rows)} rows" in output, output
        with open(directory / "out.csv", newline="", encoding="utf-8") as file:
            written.append(list(csv.DictReader(file)))
    assert written[0] == written[1] and len(written[0]) == len(rows)
    assert [row["title"] for row in written[0]] == [row["title"] for row in rows]
    assert all(row["summary"] and row["model"] == "rwp-local" for row in written[0])


def main():
    project, programs = (pathlib.Path(name).resolve() for name in sys.argv[1:3])
    page = (project / "docs/tutorials.md").read_text()
    for name in TUTORIALS:
        lines = len((project / "examples" / name).read_text().splitlines())
        assert lines < 50, f"{name} has {lines} lines"
        assert f"examples/{name}" in page, f"docs/tutorials.md does not name {name}"
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder)
        worker = subprocess.Popen([programs / "custom_handler"], cwd=directory)
        try:
            check_submit_and_wait([programs / "submit_and_wait"], directory, 'result: {"words":3}')
            check_server(programs, directory)
            if len(sys.argv) > 3:
                environment = {**os.environ, "PYTHONPATH": sys.argv[4]}
                environment.pop("OPENAI_API_KEY", None)
                os.environ["PYTHONPATH"] = sys.argv[4]
                script = project / "examples/submit_and_wait.py"
                check_submit_and_wait([sys.argv[3], script], directory, "result: {'words': 3}")
                check_batch(project, sys.argv[3], directory, environment)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(LIMIT) == 0
        finally:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
