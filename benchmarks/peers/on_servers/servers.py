"""PostgreSQL and Redis of the measurement's own: on free loopback ports, with the settings they come
with, and what they used of the machine."""

import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def process_ticks(pid, with_ended_children):
    """CPU ticks that a process has used; 0 for one that is gone."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0
    fields = stat.rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15 if with_ended_children else 13])


def children_of(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    except OSError:
        return []
    return [int(child) for child in text.split()]


def cpu_seconds(pid):
    """Of a process and its children, those that have ended too."""
    ticks = process_ticks(pid, True) + sum(process_ticks(child, True) for child in children_of(pid))
    return ticks / TICKS


class Postgres:
    """Started by initdb in `folder`, as the user postgres when this process is root."""

    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        if not found:
            raise RuntimeError("PostgreSQL is not installed")
        self.programs = pathlib.Path(found[-1]).parent
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.as_user = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups",
                            "--pdeathsig=QUIT", "--"]
        self.port = free_port()
        self.url = f"postgres://rwp@127.0.0.1:{self.port}/rwp"
        data = self.folder / "data"
        subprocess.run(self.as_user + [self.programs / "initdb", "-D", data, "-U", "rwp", "-A", "trust",
                                       "-E", "UTF8", "--locale=C.UTF-8"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            self.as_user + [self.programs / "postgres", "-D", data, "-p", str(self.port), "-k",
                            self.folder, "-c", "listen_addresses=127.0.0.1"],
            stdout=self.log, stderr=self.log, cwd="/")
        deadline = time.monotonic() + PATIENCE
        while subprocess.run([self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                             check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not come up: see " + str(self.folder / "log"))
            time.sleep(0.05)
        self.query("CREATE DATABASE rwp", database="postgres")

    def query(self, sql, database="rwp"):
        url = f"postgres://rwp@127.0.0.1:{self.port}/{database}"
        done = subprocess.run([self.programs / "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1",
                               "-c", sql, url], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def fresh_database(self):
        self.query("DROP DATABASE IF EXISTS rwp WITH (FORCE)", database="postgres")
        self.query("CREATE DATABASE rwp", database="postgres")
        self.query("CHECKPOINT", database="postgres")

    def usage(self):
        """What has been used so far; commits are those that wrote something."""
        commits, wal = self.query(
            "SELECT pg_snapshot_xmax(pg_current_snapshot()),"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").split("|")
        return {"cpu": cpu_seconds(self.process.pid), "commits": int(commits), "wal": int(wal)}

    def dead_tuples(self):
        time.sleep(10.5)  # Idle sessions tell theirs up to ten seconds late.
        return int(self.query("SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables"))

    def version(self):
        return "PostgreSQL " + self.query("SHOW server_version").split()[0]

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self.log.close()


class Redis:
    """With Debian's defaults: snapshots by time and changes, no append-only file."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True)
        program = shutil.which("redis-server")
        if program is None:
            # Debian's redis-tools has the server under another name.
            program = folder / "redis-server"
            program.symlink_to("/usr/bin/redis-check-rdb")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [program, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", folder, "--logfile",
             "redis.log"], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while self.command("PING", check=False) != "PONG":
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Redis does not come up")
            time.sleep(0.02)

    def command(self, *words, check=True):
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], check=check,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.stdout.strip()

    def usage(self):
        return {"cpu": cpu_seconds(self.process.pid)}

    def version(self):
        info = self.command("INFO", "server")
        return "Redis " + info.split("redis_version:", 1)[1].split()[0]

    def stop(self):
        self.process.terminate()
        self.process.wait()
