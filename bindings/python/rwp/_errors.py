"""Failures as exceptions: one class a code, all under Error."""

from __future__ import annotations

import datetime
from typing import ClassVar, Optional


class Error(Exception):
    """A failure of rwp: what can be done about it, and a message fit for a person.

    `code` is one of a small closed set and says what a caller can do; there is a subclass for each.
    `retryable`: repeating the same call later may succeed. `retry_after`: wait at least so long.
    """

    code: str = "internal"
    retryable: bool = True
    retry_after: Optional[datetime.timedelta] = None
    _retryable_by_code: ClassVar[bool] = True

    def __init__(
        self,
        message: str = "",
        *,
        retryable: Optional[bool] = None,
        retry_after: Optional[datetime.timedelta] = None,
    ) -> None:
        super().__init__(message)
        self.retryable = self._retryable_by_code if retryable is None else retryable
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        return str(self)


class InvalidArgument(Error, ValueError):
    """Fix the input; repeating it fails again. The message names the field and the rule."""

    code = "invalid_argument"
    _retryable_by_code = False


class NotFound(Error, LookupError):
    """The thing named is not there."""

    code = "not_found"
    _retryable_by_code = False


class AlreadyExists(Error):
    """The thing to be made is there already."""

    code = "already_exists"
    _retryable_by_code = False


class Conflict(Error):
    """Another state or token stands; read, decide, try anew."""

    code = "conflict"
    _retryable_by_code = False


class Unauthenticated(Error):
    """No valid credentials."""

    code = "unauthenticated"
    _retryable_by_code = False


class PermissionDenied(Error):
    """Valid credentials, but not for this."""

    code = "permission_denied"
    _retryable_by_code = False


class RateLimited(Error):
    """Too many requests; wait `retry_after`."""

    code = "rate_limited"


class BudgetExceeded(Error):
    """The money or quota set for this is spent."""

    code = "budget_exceeded"
    _retryable_by_code = False


class Unavailable(Error):
    """The other side cannot answer now; worth a retry."""

    code = "unavailable"


class DeadlineExceeded(Error, TimeoutError):
    """Time ran out; the outcome may be unknown, and the message then says so."""

    code = "deadline_exceeded"


class Cancelled(Error):
    """The caller, or a shutdown, asked to stop."""

    code = "cancelled"
    _retryable_by_code = False


class Corrupt(Error):
    """Stored or received data breaks its own rules."""

    code = "corrupt"
    _retryable_by_code = False


class Unsupported(Error, NotImplementedError):
    """Not offered by this part or version, or not in this process (after a fork)."""

    code = "unsupported"
    _retryable_by_code = False


class Internal(Error):
    """A defect, here or in user code."""

    code = "internal"


BY_CODE = {
    kind.code: kind
    for kind in (
        InvalidArgument, NotFound, AlreadyExists, Conflict, Unauthenticated, PermissionDenied,
        RateLimited, BudgetExceeded, Unavailable, DeadlineExceeded, Cancelled, Corrupt, Unsupported,
        Internal,
    )
}
