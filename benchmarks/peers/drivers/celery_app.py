"""The Celery application of a worker; RWP_PEERS_BROKER names the broker."""

import os

from .celery_settings import make_app

app, no_op = make_app(os.environ["RWP_PEERS_BROKER"])
