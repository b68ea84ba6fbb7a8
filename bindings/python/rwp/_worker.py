"""rwp.Worker: plain Python functions as handlers."""

from __future__ import annotations

import datetime
import inspect
import signal
import threading
from typing import Any, Callable, Dict, Iterable, Literal, Optional, TypeVar, Union

from . import _native
from ._errors import InvalidArgument
from ._native import Client, JobContext

Duration = Union[datetime.timedelta, float]
Handler = Callable[[JobContext], Any]
_Function = TypeVar("_Function", bound=Handler)


class Worker:
    """Takes jobs from a store and runs them by Python functions, on threads of its own.

        worker = rwp.Worker("sqlite:jobs.db")

        @worker.handler("greet")
        def greet(job: rwp.JobContext) -> str:
            return "hello " + job.payload["name"]

        worker.run()  # Until Ctrl-C or SIGTERM; then it drains.

    What a handler returns (anything that JSON can hold) is the job's result. What it raises is a
    failure that is tried again after a backoff, with the exception's type and text as its error;
    rwp.Fail fails for good, rwp.Retry names the time, rwp.Snooze, rwp.Park and rwp.HandBack burn no
    attempt, and an rwp.Error is retried when it is `retryable`.

    `store`: a URL, or a Client whose store it then shares. `queues`: none named is all.
    `concurrency`: runs at once, 1 to 1,000, each on a thread; as ever in Python, they compute one
    at a time and wait side by side. `max_prefetch`: jobs held beyond those. `lease`: how long the
    store waits for a sign of life. `drain_grace`: after a stop, how long runs may go on before
    they are told to stop; `stop_grace`: how long after that before their jobs are given back.
    `log_level`: which lines about the worker go to standard error (debug, info, warn, error; None:
    none); exceptions out of handlers go to logging.getLogger("rwp.worker").
    """

    def __init__(
        self,
        store: Union[str, Client],
        *,
        name: str = "",
        queues: Iterable[str] = (),
        concurrency: int = 16,
        max_prefetch: int = 1_000,
        lease: Duration = 30.0,
        drain_grace: Duration = 25.0,
        stop_grace: Duration = 5.0,
        log_level: Optional[Literal["debug", "info", "warn", "error"]] = "warn",
    ) -> None:
        self._native = _native.Worker(
            store, name=name, queues=queues, concurrency=concurrency, max_prefetch=max_prefetch,
            lease=lease, drain_grace=drain_grace, stop_grace=stop_grace, log_level=log_level)

    def handler(
        self,
        kind: str,
        *,
        version: int = 1,
        min_version: int = 1,
        timeout: Duration = 0.0,
        progress_deadline: Duration = 0.0,
        max_concurrent: int = 0,
        backoff: Duration = 2.0,
        backoff_cap: Duration = 600.0,
    ) -> Callable[[_Function], _Function]:
        """Makes the decorated function run jobs of `kind`; before start().

        It gets versions `min_version` to `version` of the payload. `timeout`: for jobs that state
        none; 0: no limit. `progress_deadline`: a run that reports no progress for so long is told
        to stop; 0: no such rule. `max_concurrent`: runs of this kind at once; 0: as the worker's.
        The n-th retry waits up to `backoff` times 2^(n-1), at most `backoff_cap`.
        """
        def register(function: _Function) -> _Function:
            if inspect.iscoroutinefunction(function):
                raise InvalidArgument(
                    f"{kind}: a handler must be a plain function; call asyncio.run() in it")
            if not callable(function):
                raise InvalidArgument(f"{kind}: a handler must be callable")
            self._native.add(
                kind, function, min_version=min_version, max_version=version, timeout=timeout,
                progress_deadline=progress_deadline, max_concurrent=max_concurrent,
                backoff=backoff, backoff_cap=backoff_cap)
            return function
        return register

    def start(self) -> None:
        """Begins to take jobs, and returns."""
        self._native.start()

    def stop(self) -> None:
        """Asks for the end and returns: no more jobs are taken, what runs may finish within the
        grace, what does not is handed back without burning an attempt. Again: without grace."""
        self._native.stop()

    def wait_stopped(self, timeout: Optional[Duration] = None) -> bool:
        """Whether a stop has been carried out by then; None: waits for it."""
        return self._native.wait_stopped(timeout)

    def run(self) -> None:
        """Takes jobs until stop(), SIGTERM (in the main thread) or Ctrl-C, then drains.

        After Ctrl-C it raises KeyboardInterrupt once it has drained; another one hurries it.
        """
        # A stop before the start would be lost, and a second one would hurry the first.
        started = asked = told = False

        def stop_once() -> None:
            nonlocal told
            if started and asked and not told:
                told = True
                self._native.stop()

        def on_term(number: int, frame: Any) -> None:
            nonlocal asked
            asked = True
            stop_once()

        in_main = threading.current_thread() is threading.main_thread()
        previous = signal.signal(signal.SIGTERM, on_term) if in_main else None
        try:
            try:
                self._native.start()
                started = True
                stop_once()
                self._native.wait_stopped(None)
            except KeyboardInterrupt:
                self._drain()
                raise
        finally:
            if in_main:
                signal.signal(signal.SIGTERM, previous)
            self._native.close()

    def _drain(self) -> bool:
        """Stops and waits for it; whether Ctrl-C came meanwhile, which hurries it."""
        interrupted = False
        while True:
            try:
                self._native.stop()
                self._native.wait_stopped(None)
                return interrupted
            except KeyboardInterrupt:
                interrupted = True

    def statistics(self) -> Dict[str, int]:
        """started, succeeded, failed, refused (too late), running, prefetched."""
        return self._native.statistics()

    def close(self) -> None:
        """Ends it within some seconds, and its threads; done by `with` after a drain."""
        self._native.close()

    def __enter__(self) -> Worker:
        self._native.start()
        return self

    def __exit__(self, *args: object) -> None:
        try:
            if self._drain():
                raise KeyboardInterrupt
        finally:
            self._native.close()
