"""A PostgreSQL of a test's own, which it may stop and start."""

import os
import pathlib
import pwd
import socket
import subprocess
import time

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")


class PostgresProcess:
    """Runs on a free port of 127.0.0.1, as the user postgres where the test is root."""

    def __init__(self, test, folder):
        self.folder = pathlib.Path(folder) / "postgres"
        self.folder.mkdir()
        self.user = {}
        if os.geteuid() == 0:
            # Whose home is not the test's.
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            for parent in self.folder.parents:
                if parent != pathlib.Path("/") and parent.stat().st_uid == 0:
                    parent.chmod(parent.stat().st_mode | 0o011)
            self.user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        self.run("initdb", "-D", "data", "-U", "rwp", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-sync")
        self.process = None
        test.addCleanup(self.kill)
        self.port = None
        for _ in range(20):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            self.start()
            if self.wait_started():
                break
        else:
            raise AssertionError("PostgreSQL did not start")
        self.url = f"postgres://rwp@127.0.0.1:{self.port}/postgres"

    def run(self, program, *arguments):
        subprocess.run([PROGRAMS / program, *arguments], cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL, timeout=60, **self.user)

    def start(self):
        self.process = subprocess.Popen(
            [PROGRAMS / "postgres", "-D", "data", "-p", str(self.port), "-k", str(self.folder), "-c",
             "listen_addresses=127.0.0.1", "-c", "fsync=off"], cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.user)

    def wait_started(self, seconds=30):
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            ready = subprocess.run(
                [PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                timeout=30, check=False)
            if ready.returncode == 0 and self.process.poll() is None:
                return True
            time.sleep(0.05)
        return False

    def kill(self):
        """Ends it as a machine that loses its power does, but for the machine."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(3)
            self.process.wait(timeout=60)


def is_installed():
    return (PROGRAMS / "postgres").exists()
