"""What the tests share: a store in a file of its own, and programs run as a user would."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap
from typing import Callable, Iterator

import pytest

import rwp

# A machine ten times slower must still pass: nothing is expected to take so long.
LIMIT = 120.0


@pytest.fixture
def url(tmp_path: pathlib.Path) -> str:
    return f"sqlite:{tmp_path}/jobs.db"


@pytest.fixture
def client(url: str) -> Iterator[rwp.Client]:
    with rwp.Client(url) as opened:
        yield opened


Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Program]:
    """Starts Python on a text; what still runs at the test's end is killed."""
    started = []

    def begin(text: str, *arguments: str) -> "subprocess.Popen[str]":
        program = subprocess.Popen(
            [sys.executable, "-u", "-c", textwrap.dedent(text), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(program)
        return program

    yield begin
    for program in started:
        if program.poll() is None:
            program.kill()
        program.communicate()
