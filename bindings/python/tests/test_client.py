"""rwp.Client: submit, look, wait, steer."""

from __future__ import annotations

import datetime
import json
import threading
import time
import uuid
from random import Random
from typing import Any, Callable, List, Union

import pytest

import rwp
from conftest import LIMIT

UTC = datetime.timezone.utc


def test_a_submitted_job_is_there_as_it_was_given(client: rwp.Client) -> None:
    due = datetime.datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    submitted = client.submit(
        "cv.parse", {"path": "cv/1", "pages": [1, 2]}, queue="cvs", version=3, priority="high",
        run_at=due, max_attempts=4, timeout=datetime.timedelta(minutes=2), tags=["a", "b"],
        tenant="acme", idempotency_key="once", unique_key="cv/1")
    assert submitted.outcome == "created"
    job = client.get(submitted.id)
    assert (job.id, job.kind, job.queue, job.version) == (submitted.id, "cv.parse", "cvs", 3)
    assert job.payload == {"path": "cv/1", "pages": [1, 2]}
    assert (job.state, job.ended, job.priority, job.end_reason) == (
        "scheduled", False, "high", "none")
    assert job.run_at == due and job.run_at.tzinfo is UTC
    assert job.timeout == datetime.timedelta(minutes=2)
    assert (job.attempt, job.max_attempts, job.tags, job.tenant) == (0, 4, ["a", "b"], "acme")
    assert (job.idempotency_key, job.unique_key) == ("once", "cv/1")
    assert (job.started_at, job.finished_at, job.result, job.errors) == (None, None, None, [])
    assert datetime.datetime.now(UTC) - job.created_at < datetime.timedelta(minutes=10)
    assert "cv.parse" in repr(job)


def test_a_time_in_another_zone_is_the_same_instant(client: rwp.Client) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    due = datetime.datetime(2031, 5, 6, 1, 2, 3, tzinfo=zone)
    assert client.get(client.submit("a", run_at=due).id).run_at == due


def test_a_delay_counts_from_the_submit(client: rwp.Client) -> None:
    delays: List[Union[datetime.timedelta, float]] = [datetime.timedelta(hours=1), 3600, 3600.0]
    for delay in delays:
        job = client.get(client.submit("a", delay=delay).id)
        assert job.state == "scheduled"
        assert datetime.timedelta(minutes=59) < job.run_at - job.created_at
        assert job.run_at - job.created_at < datetime.timedelta(minutes=61)


@pytest.mark.parametrize("payload", [
    None, True, False, 0, -(2**63), 2**64 - 1, 1.0, -0.5, 1e300, "", "é😀\n\"\\\0", [], {},
    [[], {"": None}], {"a": (1, 2)}, 3.141592653589793,
])
def test_what_json_can_hold_comes_back(client: rwp.Client, payload: Any) -> None:
    read = client.get(client.submit("a", payload).id).payload
    assert read == (payload if not isinstance(payload, dict) or "a" not in payload
                    else {"a": [1, 2]})
    assert type(read) is type(payload)


def random_value(random: Random, depth: int) -> Any:
    kind = random.randrange(8 if depth > 0 else 6)
    if kind == 0:
        return random.choice([None, True, False])
    if kind == 1:
        return random.randrange(-(2**63), 2**64)
    if kind == 2:
        return random.choice([random.random(), random.expovariate(1e-9), -0.0, 5e-324, 1.7e308])
    if kind < 6:
        return "".join(chr(random.choice([random.randrange(128), random.randrange(0xD800),
                                          random.randrange(0xE000, 0x110000)]))
                       for _ in range(random.randrange(12)))
    if kind == 6:
        return [random_value(random, depth - 1) for _ in range(random.randrange(5))]
    return {str(random.random()): random_value(random, depth - 1)
            for _ in range(random.randrange(5))}


def test_random_values_come_back_as_from_pythons_own_json(client: rwp.Client) -> None:
    random = Random(20261126)
    values = [random_value(random, 5) for _ in range(1_000)]
    answers = client.submit_many(("a", value) for value in values)
    for value, answer in zip(values, answers):
        assert isinstance(answer, rwp.Submitted), (value, answer)
    read = {job.id: job.payload for job in client.list()}
    for value, answer in zip(values, answers):
        assert isinstance(answer, rwp.Submitted)
        assert json.dumps(read[answer.id]) == json.dumps(value)


def deep(levels: int) -> Any:
    value: Any = None
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("payload, place", [
    ({"a": [1, {2}]}, "payload['a'][1]: is of type set"),
    ({1: 2}, "payload[1]: must be a key"),
    (float("nan"), "payload: is not finite"),
    ([float("inf")], "payload[0]: is not finite"),
    (2**64, "payload: is an int beyond 64 bits"),
    (-(2**63) - 1, "payload: is an int beyond 64 bits"),
    ("\ud800", "payload: has a surrogate"),
    ({"\ud800": 1}, "has a surrogate"),
    (b"x", "payload: is of type bytes"),
    (deep(65), "is nested too deep"),
])
def test_what_json_cannot_hold_is_refused_with_its_place(
        client: rwp.Client, payload: Any, place: str) -> None:
    with pytest.raises(rwp.InvalidArgument) as raised:
        client.submit("a", payload)
    assert place in str(raised.value)
    assert client.counts() == {}


def test_a_payload_that_holds_itself_is_refused(client: rwp.Client) -> None:
    payload: Any = []
    payload.append(payload)
    with pytest.raises(rwp.InvalidArgument):
        client.submit("a", payload)


@pytest.mark.parametrize("arguments, field", [
    ({"kind": "no such kind"}, "kind"), ({"kind": 3}, "kind"), ({"kind": "a", "id": "x"}, "id"),
    ({"kind": "a", "id": 3}, "id"), ({"kind": "a", "priority": "best"}, "priority"),
    ({"kind": "a", "delay": -1}, "delay"), ({"kind": "a", "delay": float("nan")}, "delay"),
    ({"kind": "a", "delay": "1"}, "delay"), ({"kind": "a", "delay": 10**400}, "delay"),
    ({"kind": "a", "run_at": datetime.datetime(2030, 1, 1)}, "run_at"),
    ({"kind": "a", "run_at": 12}, "run_at"), ({"kind": "a", "tags": "abc"}, "tags"),
    ({"kind": "a", "tags": [1]}, "tags"), ({"kind": "a", "version": True}, "version"),
    ({"kind": "a", "version": 2**40}, "version"), ({"kind": "a", "max_attempts": 0}, "max_attempts"),
    ({"kind": "a", "unique_key": "k", "unique_states": ["done"]}, "unique_states"),
])
def test_a_bad_field_is_named(client: rwp.Client, arguments: Any, field: str) -> None:
    with pytest.raises(rwp.InvalidArgument) as raised:
        client.submit(**arguments)
    assert field in str(raised.value)
    assert raised.value.code == "invalid_argument" and not raised.value.retryable
    assert isinstance(raised.value, ValueError)


def test_repeating_a_submit_is_safe(client: rwp.Client) -> None:
    mine = client.submit("a", 1).id
    again = client.submit("a", 1, id=uuid.UUID(mine))
    assert (again.id, again.outcome) == (mine, "existing")
    with pytest.raises(rwp.Conflict):
        client.submit("a", 2, id=mine)


def test_a_payload_beyond_its_limit_is_refused(client: rwp.Client) -> None:
    with pytest.raises(rwp.InvalidArgument, match="payload"):
        client.submit("a", "x" * 2**21)


def test_a_closed_client_lets_those_who_wait_finish(url: str) -> None:
    client = rwp.Client(url)
    job = client.submit("a")
    other = rwp.Client(url)
    waited: List[rwp.Job] = []
    waiter = threading.Thread(target=lambda: waited.append(client.wait(job.id, LIMIT)))
    waiter.start()
    time.sleep(0.05)  # Most likely it waits by then; if not, it is told that the client is closed.
    client.close()
    other.cancel(job.id)
    waiter.join(LIMIT)
    assert not waiter.is_alive()
    assert [one.state for one in waited] in ([], ["cancelled"])


def test_a_unique_key_collapses(client: rwp.Client) -> None:
    first = client.submit("a", 1, unique_key="k", unique_period=60, unique_states=["ready"])
    second = client.submit("a", 2, unique_key="k", unique_period=60, unique_states=["ready"])
    assert (second.id, second.outcome) == (first.id, "collapsed")


def test_one_bad_job_of_many_fails_alone(client: rwp.Client) -> None:
    answers = client.submit_many(
        [("a", 1), rwp.NewJob("b b"), ("a", {2}), rwp.NewJob("c", 3, priority="low")])
    assert len(answers) == 4 and client.counts()["default"]["ready"] == 2
    assert isinstance(answers[1], rwp.InvalidArgument)
    assert isinstance(answers[2], rwp.InvalidArgument) and "payload" in str(answers[2])
    assert isinstance(answers[0], rwp.Submitted) and isinstance(answers[3], rwp.Submitted)
    assert client.get(answers[3].id).priority == "low"


def test_many_come_from_any_iterable_in_order(client: rwp.Client) -> None:
    answers = client.submit_many(("a", number) for number in range(2_500))
    assert len(answers) == 2_500
    for number in (0, 999, 1_000, 2_499):
        answer = answers[number]
        assert isinstance(answer, rwp.Submitted)
        assert client.get(answer.id).payload == number


def test_what_an_iterable_raises_is_raised(client: rwp.Client) -> None:
    def broken() -> Any:
        yield ("a", 1)
        raise KeyError("gone")
    with pytest.raises(KeyError):
        client.submit_many(broken())
    with pytest.raises(TypeError):
        client.submit_many(["a"])  # type: ignore[list-item]


def test_an_unknown_job_is_not_found(client: rwp.Client) -> None:
    unknown = "01900000-0000-7000-8000-000000000000"
    calls: List[Callable[[str], Any]] = [
        client.get, client.cancel, client.progress, client.wait, client.retry]
    for call in calls:
        with pytest.raises(rwp.NotFound) as raised:
            call(unknown)
        assert isinstance(raised.value, LookupError)


def test_listing_reads_page_after_page(client: rwp.Client) -> None:
    client.submit_many([("a", number) for number in range(250)])
    client.submit("b", tags=["seldom"])
    assert [job.payload for job in client.list(kind="a")] == list(range(249, -1, -1))
    assert [job.kind for job in client.list(tag="seldom")] == ["b"]
    assert list(client.list(states=["failed"])) == []
    later = datetime.datetime.now(UTC) + datetime.timedelta(days=1)
    assert list(client.list(created_from=later)) == []
    assert len(list(client.list(created_before=later, queue="default"))) == 251


def test_threads_that_share_a_listing_get_each_job_once(client: rwp.Client) -> None:
    client.submit_many(("a", number) for number in range(1_000))
    jobs, seen = client.list(), []

    def read() -> None:
        for job in jobs:
            seen.append(job.payload)
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert sorted(seen) == list(range(1_000))


def test_jobs_are_cancelled_and_put_back(client: rwp.Client) -> None:
    ids = [client.submit("a", number).id for number in range(3)]
    assert client.cancel(ids[0]) == "cancelled"
    assert client.cancel(ids[0]) == "already_ended"
    assert client.get(ids[0]).state == "cancelled"
    assert client.retry(ids[0]) == "ready"
    assert client.set_priority(ids[1], "urgent") == "ready"
    assert client.cancel_where(kind="a") == 3
    assert client.retry_where(states=["cancelled"]) == 3
    client.pause("default")
    client.resume("default")
    assert client.counts()["default"]["ready"] == 3


def test_waiting_ends_with_its_time(client: rwp.Client) -> None:
    job = client.submit("a")
    with pytest.raises(rwp.DeadlineExceeded) as raised:
        client.wait(job.id, datetime.timedelta(milliseconds=20))
    assert raised.value.retryable and isinstance(raised.value, TimeoutError)
    assert [one.state for one in client.wait_all([job.id], 0.01)  # type: ignore[union-attr]
            ] == ["ready"]


def test_a_cancelled_job_ends_the_wait_for_it(client: rwp.Client) -> None:
    job = client.submit("a")
    waited = []
    waiter = threading.Thread(target=lambda: waited.append(client.wait(job.id, 100)))
    waiter.start()
    client.cancel(job.id)
    waiter.join(100)
    assert waited[0].state == "cancelled"
    with pytest.raises(rwp.Cancelled):
        client.result(job.id)


def test_others_run_while_one_waits(client: rwp.Client) -> None:
    job = client.submit("a")
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(rwp.Cancelled):
            client.result(job.id, 100)
        ended.set()
    threading.Thread(target=wait).start()
    counted = 0
    while counted < 1_000_000:  # Hardly a step, were the interpreter held by who waits.
        counted += 1
    assert not ended.is_set()
    client.cancel(job.id)
    assert ended.wait(100)


def test_threads_share_a_client(client: rwp.Client) -> None:
    def submit() -> None:
        for number in range(50):
            client.submit("a", number)
    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.counts()["default"]["ready"] == 400


def test_a_closed_client_says_so(url: str) -> None:
    client = rwp.Client(url)
    client.close()
    client.close()
    with pytest.raises(rwp.Conflict):
        client.submit("a")


def test_a_url_that_opens_nothing_says_why() -> None:
    with pytest.raises(rwp.InvalidArgument, match="sqlite"):
        rwp.Client("nothing:here")
    with pytest.raises(rwp.Error):
        rwp.Client("sqlite:/no/such/folder/jobs.db")
    with pytest.raises(rwp.InvalidArgument):
        rwp.Client(3)  # type: ignore[arg-type]


def test_the_store_outlives_an_iterator_of_it(url: str) -> None:
    jobs = rwp.Client(url).list()
    assert list(jobs) == []


def test_every_code_has_its_class() -> None:
    from rwp._errors import BY_CODE
    assert len(BY_CODE) == 14
    for code, kind in BY_CODE.items():
        raised = kind("why")
        assert isinstance(raised, rwp.Error)
        assert (raised.code, str(raised), raised.message) == (code, "why", "why")
    assert rwp.Unavailable("x").retryable and not rwp.NotFound("x").retryable
    assert rwp.NotFound("x", retryable=True).retryable
