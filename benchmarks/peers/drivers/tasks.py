"""The job that does nothing, for queues that import what they run."""


def no_op(text: str) -> None:
    pass
