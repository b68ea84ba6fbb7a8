"""Durable jobs and AI calls: the Python face of librwp.

    client = rwp.Client("sqlite:jobs.db")
    submitted = client.submit("greet", {"name": "world"})  # Durable from here on.
    print(client.result(submitted.id, timeout=10))

A Worker runs plain Python functions as handlers; rwp.ai asks language models. Every wait lets other
threads run and ends on Ctrl-C. Failures are rwp.Error, with a subclass for each code.
"""

from . import _native

_native.refuse_other_interpreters()

from . import ai  # noqa: E402  (a sub-interpreter is refused first)
from ._errors import (  # noqa: E402
    AlreadyExists, BudgetExceeded, Cancelled, Conflict, Corrupt, DeadlineExceeded, Error, Internal,
    InvalidArgument, NotFound, PermissionDenied, RateLimited, Unauthenticated, Unavailable,
    Unsupported,
)
from ._native import (  # noqa: E402
    Client, Job, JobContext, JobError, JobIterator, NewJob, Submitted, __version__,
)
from ._outcomes import Fail, HandBack, Outcome, Park, Retry, Snooze  # noqa: E402
from ._worker import Worker  # noqa: E402

__all__ = [
    "AlreadyExists", "BudgetExceeded", "Cancelled", "Client", "Conflict", "Corrupt",
    "DeadlineExceeded", "Error", "Fail", "HandBack", "Internal", "InvalidArgument", "Job",
    "JobContext", "JobError", "JobIterator", "NewJob", "NotFound", "Outcome", "Park", "PermissionDenied",
    "RateLimited", "Retry", "Snooze", "Submitted", "Unauthenticated", "Unavailable", "Unsupported",
    "Worker", "__version__", "ai",
]
