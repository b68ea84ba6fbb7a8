"""docs/python.md: what stands there runs as it stands."""

from __future__ import annotations

import pathlib
import re
import signal
import subprocess
import sys
from typing import List

import rwp
from conftest import LIMIT

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/python.md"


def programs() -> List[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_programs_of_the_page_work_together(tmp_path: pathlib.Path) -> None:
    submitting, working = programs()
    worker = subprocess.Popen([sys.executable, "-c", working], cwd=tmp_path)
    try:
        done = subprocess.run([sys.executable, "-c", submitting], cwd=tmp_path, capture_output=True,
                              text=True, timeout=LIMIT)
        assert (done.returncode, done.stdout) == (0, "{'skills': ['Python', 'SQL']}\n"), done.stderr
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(LIMIT) == 0
    finally:
        worker.kill()
        worker.wait()
    with rwp.Client(f"sqlite:{tmp_path}/jobs.db") as client:
        assert client.counts()["default"]["running"] == 0
        children = len(list(client.list(kind="match.score")))
        assert children == len(list(client.list(kind="cv.parse", states=["succeeded"]))) > 0
