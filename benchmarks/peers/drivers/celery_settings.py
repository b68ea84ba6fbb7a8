"""Celery with what its guide to optimising says, and all that is not needed switched off."""

from typing import Any, Tuple

import celery


def make_app(broker: str) -> Tuple[Any, Any]:
    app = celery.Celery("peers", broker=broker)
    app.conf.update(
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        worker_prefetch_multiplier=128,  # Of the guide, for short tasks.
        worker_disable_rate_limits=True,
        worker_send_task_events=False,
        task_send_sent_event=False,
        broker_connection_retry_on_startup=True,
    )

    @app.task(name="no_op", ignore_result=True)
    def no_op(text: str) -> None:
        pass

    return app, no_op
