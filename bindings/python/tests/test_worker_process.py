"""A worker's process: signals, drains, forks, and ends with work in hand."""

from __future__ import annotations

import signal

import pytest

import rwp
from conftest import LIMIT, Program

WORKER = """
    import os, signal, sys, threading, time, rwp
    worker = rwp.Worker(sys.argv[1], drain_grace=60, log_level="info")
    begun = []
    @worker.handler("slow")
    def slow(job):
        begun.append(job.id)
        print("begun")
        time.sleep(float(job.payload))
        return "finished"
    @worker.handler("stuck")
    def stuck(job):
        begun.append(job.id)
        print("begun")
        while True:
            time.sleep(0.01)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_a_worker(
        start: Program, client: rwp.Client, url: str, number: signal.Signals) -> None:
    job = client.submit("slow", 1.0)
    program = start(WORKER + """
    try:
        worker.run()
        print("returned")
    except KeyboardInterrupt:
        print("interrupted")
    """, url)
    assert program.stdout is not None and program.stdout.readline() == "begun\n"
    program.send_signal(number)
    output, errors = program.communicate(timeout=LIMIT)
    assert output == ("interrupted\n" if number == signal.SIGINT else "returned\n"), errors
    assert program.returncode == 0, errors
    after = client.get(job.id)
    assert (after.state, after.result, after.attempt) == ("succeeded", "finished", 0)


def test_control_c_twice_hurries_and_hands_back(
        start: Program, client: rwp.Client, url: str) -> None:
    job = client.submit("slow", 30.0)
    program = start(WORKER + """
    try:
        worker.run()
    except KeyboardInterrupt:
        print("interrupted")
    """, url)
    assert program.stdout is not None and program.stdout.readline() == "begun\n"
    program.send_signal(signal.SIGINT)
    assert program.stderr is not None and any("worker drains" in line for line in program.stderr)
    program.send_signal(signal.SIGINT)
    output, errors = program.communicate(timeout=LIMIT)
    assert "interrupted" in output, errors
    after = client.get(job.id)
    assert (after.state, after.attempt) == ("ready", 0), errors


def test_an_end_with_a_busy_worker_neither_crashes_nor_hangs(
        start: Program, client: rwp.Client, url: str) -> None:
    jobs = [client.submit("stuck"), client.submit("slow", 0.2)]
    program = start(WORKER + """
    worker.start()
    while len(begun) < 2:
        time.sleep(0.01)
    """, url)
    output, errors = program.communicate(timeout=LIMIT)
    assert program.returncode == 0, errors
    assert "did not end" in errors and output.count("begun") == 2
    # What was stuck is given back to whoever comes next, the other has ended in the grace.
    assert [client.get(job.id).state for job in jobs] == ["ready", "succeeded"]


def test_a_worker_that_was_left_running_ends_with_the_program(
        start: Program, client: rwp.Client, url: str) -> None:
    client.submit_many(("quick", n) for n in range(2_000))
    program = start("""
        import sys, rwp
        worker = rwp.Worker(sys.argv[1])
        worker.handler("quick")(lambda job: job.payload)
        worker.start()
        while worker.statistics()["succeeded"] < 10:
            pass
        sys.exit(4)
        """, url)
    output, errors = program.communicate(timeout=LIMIT)
    assert (program.returncode, output) == (4, ""), errors
    counts = client.counts()["default"]
    assert counts["running"] == 0 and counts["ready"] + counts["succeeded"] == 2_000


def test_several_threads_may_close_a_worker(start: Program, client: rwp.Client, url: str) -> None:
    client.submit("slow", 0.2)
    program = start(WORKER + """
    worker.start()
    while worker.statistics()["running"] == 0:
        pass
    closing = [threading.Thread(target=worker.close) for _ in range(4)]
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join()
    """, url)
    _, errors = program.communicate(timeout=LIMIT)
    assert program.returncode == 0, errors
    assert client.counts()["default"]["running"] == 0


def test_an_end_while_other_threads_run_workers_crashes_never(
        start: Program, client: rwp.Client, url: str) -> None:
    client.submit_many(("slow", 0.2) for _ in range(4))
    program = start("""
    import sys, threading, time, rwp
    begun = threading.Barrier(5)
    def slow(job):
        begun.wait()
        time.sleep(job.payload)
    for _ in range(4):
        worker = rwp.Worker(sys.argv[1], concurrency=1, max_prefetch=0, log_level="error")
        worker.handler("slow")(slow)
        threading.Thread(target=worker.run, daemon=True).start()
    begun.wait()
    """, url)
    _, errors = program.communicate(timeout=LIMIT)
    assert program.returncode == 0, errors
    assert client.counts()["default"]["running"] == 0


def test_a_worker_is_not_used_after_a_fork(start: Program, client: rwp.Client, url: str) -> None:
    job = client.submit("slow", 0.3)
    program = start(WORKER + """
    worker.start()
    child = os.fork()
    if child == 0:
        for use in (worker.stop, worker.statistics, worker.wait_stopped):
            try:
                use()
                print("no error")
            except rwp.Unsupported as refused:
                assert "spawn" in str(refused)
        worker.close()
        del worker
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    worker.stop()
    worker.wait_stopped()
    """, url)
    output, errors = program.communicate(timeout=LIMIT)
    assert program.returncode == 0 and "no error" not in output, errors
    assert client.get(job.id).state in ("succeeded", "ready")


def test_a_killed_worker_loses_nothing(start: Program, client: rwp.Client, url: str) -> None:
    job = client.submit("slow", 1.0)
    for last in (False, True):
        program = start(WORKER + "\n    worker.run()\n", url)
        assert program.stdout is not None and program.stdout.readline() == "begun\n"
        if not last:
            program.kill()
            program.wait()
    after = client.wait(job.id, LIMIT)
    assert (after.state, after.result) == ("succeeded", "finished")
