"""What is done to the cluster while it works: rolling restarts, kills; and what must hold meanwhile."""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.parse
import urllib.request

import load as loads
import parts
import supervisor

# The longest that writes may be away.
WRITE_GAP_SECONDS = 45
ALERT_SECONDS = 90


class Chaos:
    def __init__(self, plan, load, short=False):
        self.plan = plan
        self.load = load
        # Without what a slow machine may miss: times, alerts, and requests that fail while it hangs.
        self.short = short
        self.broken = []
        self.rows = []

    def pid(self, name):
        return int((self.plan.dir / f"pids/{name}").read_text())

    def say(self, text):
        print(f"{time.monotonic() - self.load.begun:6.0f} s  {text}", flush=True)

    def await_new(self, name, old, seconds=240):
        """Until the process has been started again and serves."""
        process = self.processes()[name]
        supervisor.wait_for(lambda: self.pid(name) != old, f"a new {name}", seconds)
        supervisor.wait_for(lambda: not process.ready or supervisor.answers(process.ready), name, seconds)

    def processes(self):
        if not hasattr(self, "_processes"):
            self._processes = {p.name: p for p in parts.processes(self.plan)}
        return self._processes

    def rolling_restart(self):
        for role, count in parts.COUNTS.items():
            before = self.load.failed()
            begun = time.monotonic()
            for i in range(1 if self.short else count):
                name = f"{role}-{i}"
                old = self.pid(name)
                os.kill(old, signal.SIGTERM)
                self.await_new(name, old)
                # What a balancer needs to see that it is back.
                time.sleep(1)
            failed = self.load.failed() - before
            self.say(f"rolling restart of {1 if self.short else count} {role} pods: {failed} failed requests")
            self.rows.append((f"Rolling restart, {role}", f"{time.monotonic() - begun:.0f} s", f"{failed} failed"))
            if failed and not self.short:
                self.broken.append(f"{failed} requests failed during the rolling restart of {role}: "
                                   f"{dict(self.load.failures)}")

    @contextlib.contextmanager
    def away(self, name):
        """The machine is away: what ends is not started again meanwhile."""
        hold = self.plan.dir / f"hold/{name}"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    def await_alert(self, alert, since, state, **labels):
        """How long the alert took; None, and a promise broken: it did not come."""
        begun = time.monotonic()
        if self.short:
            return None
        try:
            supervisor.wait_for(lambda: self.has_noted(alert, since, state, labels), alert, ALERT_SECONDS)
        except RuntimeError:
            self.broken.append(f"{alert} {labels or ''}: not {state} within {ALERT_SECONDS} s")
            return None
        return time.monotonic() - begun

    def has_noted(self, alert, since, state, labels):
        return any(note["time"] >= since and (note["alert"], note["state"]) == (alert, state)
                   and labels.items() <= note["labels"].items() for note in notes(self.plan))

    def row(self, what, alert, before, begun):
        gap = self.load.longest_gap(begun - 1)
        self.rows.append((what, f"{gap:.1f} s without a write", f"{self.load.failed() - before} failed, {alert}"))
        return gap

    def kill(self, name):
        before, begun, since = self.load.failed(), time.monotonic(), time.time()
        old = self.pid(name)
        with self.away(name):
            os.kill(old, signal.SIGKILL)
            self.say(f"kill -9 {name}")
            self.await_alert("RwpTargetDown", since, "firing", pod=name)
        self.await_new(name, old)
        self.await_alert("RwpTargetDown", since, "resolved", pod=name)
        self.row(f"Killed: {name}", "RwpTargetDown", before, begun)

    def redis_master(self):
        for i in range(3):
            told = subprocess.run(
                ["redis-cli", "-p", str(self.plan.port(f"sentinel-{i}")), "sentinel", "get-master-addr-by-name",
                 "rwp"], text=True, capture_output=True, timeout=10).stdout.split()
            if len(told) == 2:
                return next(f"redis-{n}" for n in range(3) if self.plan.port(f"redis-{n}") == int(told[1]))
        raise RuntimeError("no Sentinel names a master")

    def kill_redis_master(self):
        name = self.redis_master()
        old = self.pid(name)
        before, begun, since = self.load.failed(), time.monotonic(), time.time()
        with self.away(name):
            os.kill(old, signal.SIGKILL)
            self.say(f"kill -9 {name}, the master of Redis")
            supervisor.wait_for(lambda: self.redis_master() != name, "another master of Redis", 120)
            self.say(f"{self.redis_master()} is the master after {time.monotonic() - begun:.1f} s")
            self.await_alert("RwpDispatchClosed", since, "firing")
            self.await_alert("RwpDispatchClosed", since, "resolved")
        self.await_new(name, old)
        self.row(f"Killed: {name} (master)", "RwpDispatchClosed", before, begun)

    def primary(self):
        for i in range(3):
            if supervisor.answers(self.plan.url(f"patroni-{i}", "/primary"), 2):
                return f"postgres-{i}"
        return None

    def await_primary(self):
        found = []

        def is_told():
            found.append(self.primary())
            return found[-1] is not None

        supervisor.wait_for(is_told, "a primary", 240)
        return found[-1]

    def server_pid(self, name):
        return int((self.plan.dir / name / "data/postmaster.pid").read_text().split()[0])

    def kill_postgres_primary(self):
        name = self.await_primary()
        patroni, server = self.pid(name), self.server_pid(name)
        before, begun, since = self.load.failed(), time.monotonic(), time.time()
        with self.away(name):
            os.kill(patroni, signal.SIGKILL)
            os.kill(server, signal.SIGKILL)
            self.say(f"kill -9 {name}, PostgreSQL's primary, and its Patroni; the machine stays away")
            supervisor.wait_for(lambda: self.primary() not in (None, name), "another primary", 240)
            taken = time.monotonic() - begun
            acknowledged = len(self.load.acknowledged)
            supervisor.wait_for(lambda: len(self.load.acknowledged) > acknowledged, "a write after the failover", 240)
            time.sleep(3)
            gap = self.load.longest_gap(begun - 1)
            self.say(f"{self.primary()} took over after {taken:.1f} s; {gap:.1f} s without a write")
            self.await_alert("RwpPostgresNoPrimary", since, "firing")
            self.await_alert("RwpPostgresNoPrimary", since, "resolved")
            self.await_alert("RwpReplicaMissing", since, "firing")
        self.await_new(name, patroni, 180)
        self.await_alert("RwpReplicaMissing", since, "resolved")
        self.say(f"{name} is back, as a standby")
        self.row(f"Killed: {name} (primary)", "RwpPostgresNoPrimary, RwpReplicaMissing", before, begun)
        if gap > WRITE_GAP_SECONDS and not self.short:
            self.broken.append(f"no write for {gap:.0f} s after the primary's death")

    def run(self):
        self.rolling_restart()
        for name in ("worker-1", "ai-1", "api-1"):
            self.kill(name)
        self.kill_redis_master()
        self.kill_postgres_primary()


def notes(plan):
    return [json.loads(line) for line in loads.noted_lines(plan.dir / "alerts.jsonl")]


def alerts(plan, since):
    """Which alerts fired, and which of them cleared: name to [fired, cleared]."""
    found = {}
    for note in notes(plan):
        if note["time"] >= since:
            entry = found.setdefault(note["alert"], [0, 0])
            entry[0 if note["state"] == "firing" else 1] += 1
    return found


def ask_prometheus(plan, query):
    url = plan.url("prometheus", "/api/v1/query?" + urllib.parse.urlencode({"query": query}))
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)["data"]["result"]
