"""What a handler raises to end its run, and what the worker makes of any exception."""

from __future__ import annotations

import datetime
import logging
from typing import Optional, Tuple, Union

from ._errors import BY_CODE, Error, InvalidArgument

Duration = Union[datetime.timedelta, float]

_log = logging.getLogger("rwp.worker")
_LONGEST_MESSAGE = 2_000


def _milliseconds(field: str, duration: Duration) -> int:
    if isinstance(duration, datetime.timedelta):
        seconds = duration.total_seconds()
    elif isinstance(duration, (int, float)) and not isinstance(duration, bool):
        seconds = float(duration)
    else:
        raise InvalidArgument(f"{field}: must be a timedelta or a number of seconds")
    if not 0 <= seconds <= 10 * 366 * 86_400:
        raise InvalidArgument(f"{field}: must be 0 to 10 years")
    return -int(-seconds * 1_000 // 1)


class Outcome(Exception):
    """Base of what a handler raises to end its run in another way than success."""


class Fail(Outcome):
    """The job has failed for good, whatever attempts are left."""

    def __init__(self, message: str, *, code: str = "internal") -> None:
        if code not in BY_CODE:
            raise InvalidArgument(f"code: must be one of {', '.join(sorted(BY_CODE))}")
        super().__init__(message)
        self.code = code


class Retry(Outcome):
    """The attempt has failed; again after the usual backoff, and not before `after`."""

    def __init__(self, message: str = "asked for a retry", *,
                 after: Optional[Duration] = None) -> None:
        super().__init__(message)
        self.after_ms = 0 if after is None else _milliseconds("after", after)


class Snooze(Outcome):
    """Again after `after`; no attempt is burned."""

    def __init__(self, after: Duration) -> None:
        super().__init__("snoozed")
        self.after_ms = _milliseconds("after", after)


class Park(Outcome):
    """Wait for `Client.unpark(id, key, value)`, at most `timeout`; no attempt is burned.

    The next run finds the value in `JobContext.resume`.
    """

    def __init__(self, key: str, *,
                 timeout: Duration = datetime.timedelta(hours=24)) -> None:
        super().__init__(f"parked for {key}")
        self.key = key
        self.timeout_ms = _milliseconds("timeout", timeout)


class HandBack(Outcome):
    """The job goes back to ready at once, no attempt burned: the answer to a stop for a drain."""

    def __init__(self) -> None:
        super().__init__("handed back")


# What the worker is told: action, code, message, retryable, milliseconds, key.
Verdict = Tuple[str, str, str, bool, int, str]


def _text_of(raised: BaseException) -> str:
    try:
        text = str(raised)
    except Exception:  # A __str__ that fails must not hide the failure itself.
        text = "(its text could not be made)"
    name = type(raised).__name__
    whole = f"{name}: {text}" if text else name
    if len(whole) > _LONGEST_MESSAGE:
        whole = whole[:_LONGEST_MESSAGE] + "…"
    return whole.encode("utf-8", "replace").decode("utf-8")


def judge(raised: BaseException, kind: str, job_id: str, attempt: int) -> Verdict:
    """Says what an exception out of a handler means for its job; called by the worker."""
    if isinstance(raised, Snooze):
        return ("snooze", "", "", False, raised.after_ms, "")
    if isinstance(raised, Park):
        return ("park", "", "", False, raised.timeout_ms, raised.key)
    if isinstance(raised, HandBack):
        return ("hand_back", "", "", False, 0, "")
    if isinstance(raised, Fail):
        return ("error", raised.code, str(raised)[:_LONGEST_MESSAGE], False, 0, "")
    if isinstance(raised, Retry):
        text = str(raised)[:_LONGEST_MESSAGE]
        return ("error", "unavailable", text, True, raised.after_ms, "")
    if isinstance(raised, Error):
        after = 0
        if raised.retry_after is not None:
            after = _milliseconds("retry_after", raised.retry_after)
        text = str(raised)[:_LONGEST_MESSAGE]
        return ("error", raised.code, text, raised.retryable, after, "")
    _log.warning("job %s (%s), attempt %d: the handler raised", job_id, kind, attempt,
                 exc_info=raised)
    return ("error", "internal", _text_of(raised), True, 0, "")
