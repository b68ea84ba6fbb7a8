"""rwp.Worker: plain functions as handlers, and what they may say."""

from __future__ import annotations

import ctypes
import datetime
import gc
import logging
import threading
import time
import weakref
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

import rwp
from conftest import LIMIT

Run = Callable[[str, Any], rwp.Job]


class Setting:
    """A worker on the client's store, which starts once its handlers are there."""

    def __init__(self, client: rwp.Client) -> None:
        self.client = client
        self.worker = rwp.Worker(client, concurrency=8, log_level=None)

    def run(self, function: Any, payload: Any = None, **options: Any) -> rwp.Job:
        """The job that `function` ran, once it has ended."""
        handler: Dict[str, Any] = {"backoff": 0.0}
        for name in ("timeout", "progress_deadline"):
            if name in options:
                handler[name] = options.pop(name)
        self.worker.handler("a", **handler)(function)
        job = self.client.submit("a", payload, **options)
        self.worker.start()
        return self.client.wait(job.id, LIMIT)


@pytest.fixture
def setting(client: rwp.Client) -> Iterator[Setting]:
    made = Setting(client)
    yield made
    made.worker.close()


def test_what_a_handler_returns_is_the_result(setting: Setting) -> None:
    job = setting.run(lambda job: {"hello": job.payload["name"], "twice": [1, 1.5, None]},
                      {"name": "world"})
    assert (job.state, job.attempt) == ("succeeded", 0)
    assert job.result == {"hello": "world", "twice": [1, 1.5, None]}
    assert setting.client.result(job.id) == job.result
    assert setting.worker.statistics()["succeeded"] == 1
    assert job.started_at is not None and job.finished_at is not None
    assert job.created_at <= job.started_at <= job.finished_at


def test_a_handler_sees_its_job(setting: Setting) -> None:
    seen: Dict[str, Any] = {}

    def handler(job: rwp.JobContext) -> None:
        for name in ("id", "kind", "version", "queue", "attempt", "max_attempts", "tenant",
                     "run_token", "deadline", "cancelled", "stop_reason", "cursor", "resume",
                     "created_at", "traceparent"):
            seen[name] = getattr(job, name)
        job.check()
        assert job.payload is job.payload
    job = setting.run(handler, [1], queue="q", tenant="acme", max_attempts=3,
                      timeout=datetime.timedelta(minutes=5))
    assert job.state == "succeeded" and job.result is None
    assert (seen["id"], seen["kind"], seen["queue"]) == (job.id, "a", "q")
    assert (seen["version"], seen["attempt"], seen["max_attempts"]) == (1, 1, 3)
    assert (seen["tenant"], seen["run_token"]) == ("acme", job.run_token)
    assert (seen["cancelled"], seen["stop_reason"]) == (False, None)
    assert (seen["cursor"], seen["resume"]) == (None, None)
    left = seen["deadline"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=2) < left < datetime.timedelta(minutes=6)
    assert seen["created_at"] == job.created_at
    assert seen["traceparent"].startswith("00-")


def test_a_plain_exception_is_retried_and_kept(
        setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    def handler(job: rwp.JobContext) -> str:
        if job.attempt < 3:
            raise ValueError(f"not yet, {job.attempt}")
        return "done"
    with caplog.at_level(logging.WARNING, logger="rwp.worker"):
        job = setting.run(handler)
    assert (job.state, job.result, job.attempt) == ("succeeded", "done", 2)
    assert [(error.attempt, error.code, error.message) for error in job.errors] == [
        (1, "internal", "ValueError: not yet, 1"), (2, "internal", "ValueError: not yet, 2")]
    assert len(caplog.records) == 2 and caplog.records[0].exc_info is not None
    assert job.id in caplog.text


def test_a_long_text_of_an_exception_is_cut(setting: Setting) -> None:
    def handler(job: rwp.JobContext) -> None:
        raise RuntimeError("\ud800é" * 100_000)
    job = setting.run(handler, max_attempts=1)
    assert (job.state, job.end_reason) == ("failed", "exhausted")
    assert len(job.errors[0].message) < 2_100
    assert job.errors[0].message.startswith("RuntimeError: ?é")


def test_an_exception_without_a_text_fails_its_run_alone(setting: Setting) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")
    def handler(job: rwp.JobContext) -> None:
        raise Mute
    job = setting.run(handler, max_attempts=1)
    assert job.errors[0].message.startswith("Mute: ")


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt(), BaseException("x")])
def test_no_exception_leaves_a_handler(setting: Setting, raised: BaseException) -> None:
    def handler(job: rwp.JobContext) -> None:
        raise raised
    job = setting.run(handler, max_attempts=1)
    assert job.state == "failed" and type(raised).__name__ in job.errors[0].message


def test_fail_fails_for_good(setting: Setting) -> None:
    def handler(job: rwp.JobContext) -> None:
        raise rwp.Fail("no such cv", code="not_found")
    job = setting.run(handler)
    assert (job.state, job.end_reason, job.attempt) == ("failed", "error", 1)
    assert (job.errors[0].code, job.errors[0].message) == ("not_found", "no such cv")
    with pytest.raises(rwp.NotFound, match="no such cv") as raised:
        setting.client.result(job.id)
    assert not raised.value.retryable
    with pytest.raises(rwp.InvalidArgument):
        rwp.Fail("x", code="no such code")


def test_an_error_of_rwp_keeps_its_code(setting: Setting) -> None:
    def handler(job: rwp.JobContext) -> None:
        if job.attempt == 1:
            raise rwp.Unavailable("away", retry_after=datetime.timedelta(milliseconds=20))
        raise rwp.PermissionDenied("not for you")
    job = setting.run(handler)
    assert job.state == "failed"
    assert [(error.code, error.message) for error in job.errors] == [
        ("unavailable", "away"), ("permission_denied", "not for you")]


def test_retry_burns_an_attempt_and_waits(setting: Setting) -> None:
    times: List[float] = []

    def handler(job: rwp.JobContext) -> None:
        times.append(time.monotonic())
        if job.attempt == 1:
            raise rwp.Retry("later", after=0.2)
    job = setting.run(handler)
    assert (job.state, job.attempt) == ("succeeded", 1)
    assert times[1] - times[0] > 0.15


def test_snooze_burns_no_attempt(setting: Setting) -> None:
    runs: List[int] = []

    def handler(job: rwp.JobContext) -> str:
        runs.append(job.attempt)
        if len(runs) < 3:
            raise rwp.Snooze(datetime.timedelta(milliseconds=1))
        return "done"
    job = setting.run(handler, max_attempts=1)
    assert (job.state, job.attempt, runs) == ("succeeded", 0, [1, 1, 1])


def test_a_parked_job_is_woken_with_a_value(setting: Setting) -> None:
    parked = threading.Event()

    def handler(job: rwp.JobContext) -> Any:
        if job.resume is None:
            parked.set()
            raise rwp.Park("reply", timeout=LIMIT)
        return job.resume
    setting.worker.handler("a")(handler)
    job = setting.client.submit("a")
    setting.worker.start()
    assert parked.wait(LIMIT)
    until = time.monotonic() + LIMIT
    while setting.client.get(job.id).state != "parked" and time.monotonic() < until:
        time.sleep(0.005)
    assert setting.client.get(job.id).park_key == "reply"
    with pytest.raises(rwp.Conflict):
        setting.client.unpark(job.id, "another")
    setting.client.unpark(job.id, "reply", {"yes": True})
    assert setting.client.result(job.id, LIMIT) == ["reply", {"yes": True}]


def test_handed_back_a_job_runs_again(setting: Setting) -> None:
    runs: List[int] = []

    def handler(job: rwp.JobContext) -> None:
        runs.append(job.run_token)
        if len(runs) == 1:
            raise rwp.HandBack
    job = setting.run(handler)
    assert (job.state, job.attempt, len(runs)) == ("succeeded", 0, 2) and runs[0] < runs[1]


def test_a_result_that_json_cannot_hold_fails_for_good(setting: Setting) -> None:
    job = setting.run(lambda job: {"when": datetime.datetime.now()})
    assert (job.state, job.attempt) == ("failed", 1)
    assert job.errors[0].code == "invalid_argument"
    assert "result['when']" in job.errors[0].message


def test_children_come_with_the_completion_or_not_at_all(setting: Setting) -> None:
    ids: List[str] = []

    def handler(job: rwp.JobContext) -> None:
        ids.append(job.submit("child", {"n": job.attempt}, tags=["mine"], priority="high"))
        if job.attempt == 1:
            raise ValueError("the first one's child is not wanted")
    job = setting.run(handler, tenant="acme")
    assert job.state == "succeeded"
    children = list(setting.client.list(kind="child"))
    assert [(child.id, child.payload, child.tenant) for child in children] == [
        (ids[1], {"n": 2}, "acme")]


def test_a_message_goes_with_the_completion(setting: Setting) -> None:
    message = "01900000-0000-7000-8000-000000000001"
    def handler(job: rwp.JobContext) -> None:
        job.emit("analytics", {"name": "parsed"}, id=message)
    assert setting.run(handler).state == "succeeded"
    delivered = [job for job in setting.client.list() if job.kind.startswith("rwp.")]
    assert len(delivered) == 1 and "parsed" in str(delivered[0].payload)


def test_progress_and_cursor_are_seen_from_outside(setting: Setting) -> None:
    go_on, cursors = threading.Event(), []

    def handler(job: rwp.JobContext) -> None:
        cursors.append(job.cursor)
        if job.cursor is None:
            job.progress(0.5, "half, é" * 1_000)
            job.save_cursor({"row": 500})
            assert go_on.wait(LIMIT)
            raise ValueError("a crash of sorts")
    setting.worker.handler("a", backoff=0)(handler)
    job = setting.client.submit("a")
    setting.worker.start()
    until = time.monotonic() + LIMIT
    while setting.client.progress(job.id)[0] != 0.5 and time.monotonic() < until:
        time.sleep(0.005)
    fraction, note = setting.client.progress(job.id)
    assert fraction == 0.5 and note.startswith("half, é") and len(note.encode()) <= 1_024
    go_on.set()
    assert setting.client.wait(job.id, LIMIT).state == "succeeded"
    assert cursors == [None, {"row": 500}]


@pytest.mark.parametrize("call", [
    lambda job: job.progress(2), lambda job: job.progress("x"), lambda job: job.progress(0.5, 3),
    lambda job: job.save_cursor({1, 2}), lambda job: job.submit(3), lambda job: job.emit(1, 2),
    lambda job: job.submit("a", {1}), lambda job: job.emit("t", {}, id="x"),
])
def test_bad_calls_of_a_context_fail_the_job_for_good(setting: Setting, call: Any) -> None:
    job = setting.run(call)
    assert job.state == "failed" and job.errors[0].code == "invalid_argument"


def stop_seen(job: rwp.JobContext) -> Optional[str]:
    until = time.monotonic() + LIMIT
    while not job.cancelled and time.monotonic() < until:
        time.sleep(0.002)
    return job.stop_reason


def test_a_cancelled_run_is_told(setting: Setting) -> None:
    begun, reasons = threading.Event(), []

    def handler(job: rwp.JobContext) -> None:
        begun.set()
        reasons.append(stop_seen(job))
        job.check()
    setting.worker = rwp.Worker(setting.client, lease=1.0, log_level=None)
    setting.worker.handler("a")(handler)
    job = setting.client.submit("a")
    setting.worker.start()
    assert begun.wait(LIMIT)
    assert setting.client.cancel(job.id) == "requested"
    assert setting.client.wait(job.id, LIMIT).state == "cancelled"
    assert reasons == ["cancelled"]


def test_a_run_past_its_time_is_told(setting: Setting) -> None:
    reasons = []

    def handler(job: rwp.JobContext) -> None:
        reasons.append(stop_seen(job))
        job.check()
    job = setting.run(handler, timeout=0.05, max_attempts=1)
    assert (job.state, reasons) == ("failed", ["timed_out"])
    assert job.errors[0].code == "deadline_exceeded"


def test_runs_wait_side_by_side(setting: Setting) -> None:
    meeting = threading.Barrier(8)
    setting.worker.handler("a")(lambda job: meeting.wait(LIMIT))
    ids = [setting.client.submit("a").id for _ in range(8)]
    setting.worker.start()
    jobs = setting.client.wait_all(ids, LIMIT)
    assert sorted(job.result for job in jobs if isinstance(job, rwp.Job)) == list(range(8))


def test_one_kind_runs_no_more_at_once_than_it_may(setting: Setting) -> None:
    running, most = [0], [0]
    lock = threading.Lock()

    def handler(job: rwp.JobContext) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.002)
        with lock:
            running[0] -= 1
    setting.worker.handler("a", max_concurrent=2)(handler)
    ids = [setting.client.submit("a").id for _ in range(30)]
    setting.worker.start()
    setting.client.wait_all(ids, LIMIT)
    assert most[0] <= 2


def test_values_of_a_thread_stay_with_it(client: rwp.Client) -> None:
    local, counts = threading.local(), []

    def handler(job: rwp.JobContext) -> None:
        local.runs = getattr(local, "runs", 0) + 1
        counts.append(local.runs)
    worker = rwp.Worker(client, concurrency=1)
    worker.handler("a")(handler)
    with worker:
        for _ in range(5):
            client.wait(client.submit("a").id, LIMIT)
    assert counts == [1, 2, 3, 4, 5]


def test_a_handler_that_holds_the_interpreter_costs_no_lease(setting: Setting) -> None:
    # Held through a C call that does not give it away; with leases of a second, heartbeats that
    # needed Python would come too late.
    library = ctypes.PyDLL(None)
    setting.worker = rwp.Worker(setting.client, lease=1.0, log_level=None)
    tokens: List[int] = []

    def handler(job: rwp.JobContext) -> None:
        tokens.append(job.run_token)
        library.usleep(3_000_000)
    job = setting.run(handler)
    assert (job.state, tokens) == ("succeeded", [job.run_token])
    assert setting.worker.statistics()["refused"] == 0


def test_a_context_ends_with_its_run(setting: Setting) -> None:
    kept: List[rwp.JobContext] = []
    assert setting.run(lambda job: kept.append(job)).state == "succeeded"
    uses: List[Callable[[], Any]] = [
        lambda: kept[0].id, lambda: kept[0].payload, lambda: kept[0].progress(1)]
    for use in uses:
        with pytest.raises(rwp.Conflict):
            use()


def test_many_jobs_run_once_each(client: rwp.Client) -> None:
    seen: List[int] = []
    worker = rwp.Worker(client)
    worker.handler("a")(lambda job: seen.append(job.payload))
    client.submit_many(("a", number) for number in range(3_000))
    with worker:
        until = time.monotonic() + LIMIT
        while client.counts()["default"]["succeeded"] < 3_000 and time.monotonic() < until:
            time.sleep(0.01)
    assert sorted(seen) == list(range(3_000))


def test_a_client_is_used_within_a_handler(setting: Setting) -> None:
    def handler(job: rwp.JobContext) -> Any:
        return setting.client.get(job.id).state
    assert setting.run(handler).result == "running"


def test_versions_go_to_those_that_know_them(client: rwp.Client) -> None:
    worker = rwp.Worker(client, log_level=None)
    worker.handler("a", version=2)(lambda job: job.version)
    with worker:
        later = client.submit("a", version=3)
        assert [client.result(client.submit("a", version=n).id, LIMIT) for n in (1, 2)] == [1, 2]
        assert client.get(later.id).state == "ready"


def test_wrong_registrations_are_refused(setting: Setting) -> None:
    worker = setting.worker
    with pytest.raises(rwp.InvalidArgument, match="handler"):
        worker.start()
    decorated = worker.handler("a")(lambda job: None)
    assert callable(decorated)
    with pytest.raises(rwp.AlreadyExists):
        worker.handler("a")(lambda job: None)

    async def waits(job: rwp.JobContext) -> None:
        pass
    with pytest.raises(rwp.InvalidArgument, match="plain function"):
        worker.handler("b")(waits)
    with pytest.raises(rwp.InvalidArgument, match="callable"):
        worker.handler("b")("no function")  # type: ignore[type-var]
    with pytest.raises(rwp.InvalidArgument, match="timeout"):
        worker.handler("b", timeout=-1)(lambda job: None)
    worker.start()
    with pytest.raises(rwp.Conflict):
        worker.handler("b")(lambda job: None)
    with pytest.raises(rwp.Conflict):
        worker.start()
    for options in ({"concurrency": 0}, {"concurrency": True}, {"lease": "x"},
                    {"log_level": "loud"}, {"queues": "cvs"}):
        with pytest.raises(rwp.InvalidArgument):
            rwp.Worker(setting.client, **options)  # type: ignore[arg-type]
    with pytest.raises(rwp.InvalidArgument):
        rwp.Worker(3)  # type: ignore[arg-type]


def test_a_stopped_worker_has_drained(client: rwp.Client) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def handler(job: rwp.JobContext) -> str:
        begun.set()
        assert go_on.wait(LIMIT)
        return "done"
    worker = rwp.Worker(client, concurrency=1)
    worker.handler("a")(handler)
    first = client.submit("a")
    worker.start()
    assert begun.wait(LIMIT)
    second = client.submit("a")
    worker.stop()
    assert not worker.wait_stopped(0.02)
    go_on.set()
    assert worker.wait_stopped(LIMIT)
    assert client.get(first.id).result == "done"
    assert client.get(second.id).state == "ready"
    worker.close()
    with pytest.raises(rwp.Conflict):
        worker.stop()


def test_a_dropped_worker_ends_and_frees_its_handlers(client: rwp.Client) -> None:
    class Handler:
        def __call__(self, job: rwp.JobContext) -> None:
            pass
    handler = Handler()
    freed = weakref.ref(handler)
    worker = rwp.Worker(client)
    worker.handler("a")(handler)
    worker.start()
    client.wait(client.submit("a").id, LIMIT)
    del worker, handler
    gc.collect()
    assert freed() is None
