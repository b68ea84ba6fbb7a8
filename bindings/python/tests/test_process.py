"""Ctrl-C, forks, sub-interpreters and the interpreter's end."""

from __future__ import annotations

import signal
import time

import pytest

from conftest import LIMIT, Program


def read_line(program: "object") -> str:
    line: str = program.stdout.readline()  # type: ignore[attr-defined]
    return line.strip()


@pytest.mark.parametrize("wait", [
    "client.wait(job.id)", "client.wait(job.id, 1000)", "client.result(job.id)",
    "client.wait_all([job.id])",
])
def test_control_c_ends_a_wait(start: Program, url: str, wait: str) -> None:
    program = start(f"""
        import sys, rwp
        client = rwp.Client(sys.argv[1])
        job = client.submit("a")
        print("waits")
        try:
            {wait}
        except KeyboardInterrupt:
            print("interrupted", client.get(job.id).state)
        """, url)
    assert read_line(program) == "waits"
    # Whether it waits already cannot be seen from here; it is asked until it has heard.
    heard = ""
    program.send_signal(signal.SIGINT)
    heard, errors = program.communicate(timeout=LIMIT)
    if "interrupted" not in heard:  # Before the wait began, after the print.
        assert "KeyboardInterrupt" in errors
    else:
        assert heard.strip() == "interrupted ready" and program.returncode == 0


def test_control_c_is_heard_at_once(start: Program, url: str) -> None:
    program = start("""
        import os, signal, sys, threading, time, rwp
        client = rwp.Client(sys.argv[1])
        job = client.submit("a")
        sent = []
        def send():
            time.sleep(0.3)
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)
        try:
            threading.Thread(target=send).start()
            client.wait(job.id)
        except KeyboardInterrupt:
            print("interrupted", time.monotonic() - sent[0] < 60)
        """, url)
    assert program.communicate(timeout=LIMIT)[0].strip() == "interrupted True"


def test_a_signal_handler_that_returns_ends_no_wait(start: Program, url: str) -> None:
    program = start("""
        import os, signal, sys, threading, time, rwp
        client = rwp.Client(sys.argv[1])
        job = client.submit("a")
        def on_signal(number, frame):
            print("handled")
            threading.Thread(target=lambda: client.cancel(job.id)).start()
        signal.signal(signal.SIGUSR1, on_signal)
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        print(client.wait(job.id).state)
        """, url)
    assert program.communicate(timeout=LIMIT)[0].split() == ["handled", "cancelled"]


def test_a_fork_is_refused_with_advice(start: Program, url: str) -> None:
    program = start("""
        import os, sys, rwp
        client = rwp.Client(sys.argv[1])
        model = rwp.ai.Model("local:")
        jobs = client.list()
        client.submit("a")
        child = os.fork()
        if child == 0:
            for use in (lambda: client.submit("b"), lambda: next(jobs), client.counts,
                        lambda: model.chat("x")):
                try:
                    use()
                    print("no error")
                except rwp.Unsupported as refused:
                    assert "spawn" in str(refused) and "fork" in str(refused), refused
            del client, model, jobs          # Nothing of the parent's is torn down here.
            with rwp.Client(sys.argv[1]) as own:   # What the advice says.
                own.submit("c")
            print("child done")
            sys.exit(0)                       # With what an exit runs, atexit's too.
        print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        client.submit("d")
        print(client.counts()["default"]["ready"])
        """, url)
    output, errors = program.communicate(timeout=LIMIT)
    assert output.split("\n") == ["child done", "child ended with 0", "3", ""], errors


def test_a_forked_child_uses_what_it_makes_itself(start: Program, url: str) -> None:
    program = start("""
        import multiprocessing, sys, rwp
        def work(url, number):
            with rwp.Client(url) as client:
                return client.submit("a", number).id
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(3) as pool:
                ids = pool.starmap(work, [(sys.argv[1], n) for n in range(6)])
            with rwp.Client(sys.argv[1]) as client:
                print(sorted(client.get(id).payload for id in ids))
        """, url)
    output, errors = program.communicate(timeout=LIMIT)
    assert output.strip() == "[0, 1, 2, 3, 4, 5]", errors


def test_sub_interpreters_are_refused(start: Program) -> None:
    for first in ("", "import rwp"):
        program = start(f"""
            import _xxsubinterpreters as interpreters
            {first}
            other = interpreters.create()
            try:
                interpreters.run_string(other, "import rwp")
                print("no error")
            except interpreters.RunFailedError as refused:
                print("sub-interpreter" in str(refused), "ImportError" in str(refused))
            """)
        output, errors = program.communicate(timeout=LIMIT)
        assert output.strip() == "True True", errors


def test_a_sub_interpreter_of_the_process_harms_nothing(start: Program, url: str) -> None:
    program = start("""
        import sys, rwp, _xxsubinterpreters as interpreters
        other = interpreters.create()
        client = rwp.Client(sys.argv[1])
        worker = rwp.Worker(sys.argv[1])
        worker.handler("a")(lambda job: 1)
        with worker:
            print(client.result(client.submit("a").id))
        """, url)
    output, errors = program.communicate(timeout=LIMIT)
    assert (program.returncode, output.strip()) == (0, "1"), errors


@pytest.mark.parametrize("ending", [
    "", "sys.exit(3)", "raise ValueError('x')", "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)",
])
def test_an_end_with_live_clients_neither_crashes_nor_hangs(
        start: Program, url: str, ending: str) -> None:
    program = start(f"""
        import os, signal, sys, threading, time, rwp
        client = rwp.Client(sys.argv[1])
        model = rwp.ai.Model("local:")
        job = client.submit("a")
        jobs = iter(client.list())
        for _ in range(4):  # Each waits for good.
            threading.Thread(target=lambda: client.wait(job.id), daemon=True).start()
        client.counts()
        {ending}
        """, url)
    began = time.monotonic()
    _, errors = program.communicate(timeout=LIMIT)
    assert time.monotonic() - began < LIMIT
    expected = {"": 0, "sys.exit(3)": 3, "raise ValueError('x')": 1}.get(ending)
    if expected is None:
        assert program.returncode in (-signal.SIGINT, 1), errors
    else:
        assert program.returncode == expected, errors


def test_an_end_while_threads_read_json_crashes_never(start: Program, url: str) -> None:
    # Such a thread is told to go when it next wants the interpreter, in the midst of its reading.
    text = """
        import sys, threading, time, rwp
        client = rwp.Client(sys.argv[1])
        job = client.get(client.submit("a", list(range(50))).id)
        def read():
            while True:
                job.payload
        for _ in range(8):
            threading.Thread(target=read, daemon=True).start()
        time.sleep(0.1)
        """
    for program in [start(text, url) for _ in range(8)]:
        _, errors = program.communicate(timeout=LIMIT)
        assert program.returncode == 0, errors
