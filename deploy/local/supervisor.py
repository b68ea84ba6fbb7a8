"""Starts the cluster's processes in their order, and again when they end, as Kubernetes would."""

import contextlib
import json
import os
import pathlib
import pwd
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import parts
import prepare

# How long until what was killed is started again: Kubernetes needs some seconds, too.
RESTART_SECONDS = 8
START_SECONDS = 120
# Settings of whoever starts the cluster, which are not the cluster's.
NOT_INHERITED = ("RWP_", "OPENAI_", "GA4_", "AWS_", "PG")


def answers(url, timeout=3):
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError, ValueError):
        return False


def wait_for(condition, what, seconds=START_SECONDS):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.1)


class Owner:
    """The process with which a cluster ends, however that ended; none: the cluster is ended by `down`."""

    def __init__(self, pid):
        self.pid = pid
        self.start = self.look()
        if pid and not self.start:
            raise ProcessLookupError(pid)

    def look(self):
        """When it was started, as another may get its number; empty: it is not there, or not reaped yet."""
        try:
            # Past the name, which may hold anything.
            fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if fields[0] == "Z" else fields[19]

    def has_ended(self):
        return bool(self.pid) and self.look() != self.start


class Supervisor:
    def __init__(self, plan, owner):
        self.plan = plan
        self.owner = owner
        self.processes = {p.name: p for p in parts.processes(plan)}
        self.running = {}
        self.ended = {}
        self.stopping = False
        plan.folder("pids")
        plan.folder("hold")
        plan.folder("log")

    def start(self, process):
        log = open(self.plan.dir / f"log/{process.name}.log", "ab")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(NOT_INHERITED)}
        # HAProxy is there, which not everybody's path has.
        clean["PATH"] = clean.get("PATH", os.defpath) + ":/usr/sbin"

        def become_postgres():
            os.setsid()
            if process.as_postgres and os.getuid() == 0:
                user = pwd.getpwnam("postgres")
                os.initgroups("postgres", user.pw_gid)
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)

        started = subprocess.Popen(process.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   cwd="/tmp", env=clean | process.environment, preexec_fn=become_postgres)
        log.close()
        self.running[process.name] = started
        # By a rename: others read it meanwhile.
        (self.plan.dir / "pid.new").write_text(str(started.pid))
        (self.plan.dir / "pid.new").rename(self.plan.dir / f"pids/{process.name}")

    def is_stopping(self):
        if not self.stopping and self.owner.has_ended():
            print("who had the cluster started has ended", file=sys.stderr, flush=True)
            self.stopping = True
        return self.stopping

    def ready(self, process):
        if self.is_stopping():
            raise RuntimeError("it was stopped before it was up")
        if self.running[process.name].poll() is not None:
            raise RuntimeError(f"{process.name} has ended")
        return not process.ready or answers(process.ready)

    def start_all(self):
        early = [p for p in self.processes.values() if "schema" not in p.after and p.name != "haproxy"]
        for process in early:
            self.start(process)
            for needed in (process.name,) if process.name in ("postgres-0",) else ():
                wait_for(lambda: self.ready(self.processes[needed]), needed)
        for process in early:
            wait_for(lambda: self.ready(process), process.name)
        prepare.prepare(self.plan)
        late = [p for p in self.processes.values() if p not in early]
        for process in late:
            self.start(process)
        for process in late:
            wait_for(lambda: self.ready(process), process.name)

    def supervise(self):
        while not self.is_stopping():
            now = time.monotonic()
            for name, process in self.running.items():
                code = process.poll()
                if code is not None and name not in self.ended:
                    # What ended by itself comes back at once, as after a rolling restart's drain.
                    self.ended[name] = now if code == 0 else now + RESTART_SECONDS
            for name, due in list(self.ended.items()):
                # A machine that is gone stays so until somebody puts it back.
                held = (self.plan.dir / f"hold/{name}").exists()
                if now >= due and not held and not self.stopping:
                    del self.ended[name]
                    self.start(self.processes[name])
            time.sleep(0.05)

    def stop_all(self):
        self.stopping = True
        order = sorted(self.running, key=lambda n: (n.startswith(("etcd", "postgres")), n.startswith("etcd")))
        for names in ([n for n in order if not n.startswith(("etcd", "postgres-"))],
                      [n for n in order if n.startswith("postgres-")],
                      [n for n in order if n.startswith("etcd")]):
            for name in names:
                self.signal(name, signal.SIGTERM)
            until = time.monotonic() + 30
            for name in names:
                try:
                    self.running[name].wait(max(0.1, until - time.monotonic()))
                except subprocess.TimeoutExpired:
                    self.signal(name, signal.SIGKILL)
                self.end_what_it_left(name)

    def end_what_it_left(self, name):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.running[name].pid, signal.SIGKILL)
        # A Patroni that did not end in time leaves its database.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            server = int((self.plan.dir / name / "data/postmaster.pid").read_text().split()[0])
            os.kill(server, signal.SIGQUIT)
            wait_for(lambda: not pathlib.Path(f"/proc/{server}").exists(), f"the end of {name}", 20)

    def signal(self, name, number):
        try:
            os.kill(self.running[name].pid, number)
        except ProcessLookupError:
            pass


def run(plan, owner):
    supervisor = Supervisor(plan, owner)

    def stop(*_):
        supervisor.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    def tell(state):
        (plan.dir / "state.new").write_text(state)
        (plan.dir / "state.new").rename(plan.dir / "state")

    try:
        supervisor.start_all()
        (plan.dir / "ports.json").write_text(json.dumps(plan.ports, indent=1))
        tell("up")
        supervisor.supervise()
    except Exception as error:  # Whatever it is: who waits for `up` is told.
        tell(f"failed: {error}")
        print(error, file=sys.stderr)
    finally:
        supervisor.stop_all()
