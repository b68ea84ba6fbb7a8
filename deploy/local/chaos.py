"""What is done to the cluster while it works: rolling restarts, kills; and what must hold meanwhile."""

import json
import os
import signal
import subprocess
import time
import urllib.parse
import urllib.request

import parts
import supervisor


class Chaos:
    def __init__(self, plan, load):
        self.plan = plan
        self.load = load
        self.broken = []
        self.rows = []

    def pid(self, name):
        return int((self.plan.dir / f"pids/{name}").read_text())

    def say(self, text):
        print(f"{time.monotonic() - self.load.begun:6.0f} s  {text}", flush=True)

    def await_new(self, name, old, seconds=90):
        """Until the process has been started again and serves."""
        process = self.processes()[name]
        supervisor.wait_for(lambda: self.pid(name) != old, f"a new {name}", seconds)
        supervisor.wait_for(lambda: not process.ready or supervisor.answers(process.ready), name, seconds)

    def processes(self):
        if not hasattr(self, "_processes"):
            self._processes = {p.name: p for p in self.plan.processes()}
        return self._processes

    def rolling_restart(self):
        for role, count in parts.COUNTS.items():
            before = self.load.failed()
            begun = time.monotonic()
            for i in range(count):
                name = f"{role}-{i}"
                old = self.pid(name)
                os.kill(old, signal.SIGTERM)
                self.await_new(name, old)
                # What a balancer needs to see that it is back.
                time.sleep(1)
            failed = self.load.failed() - before
            self.say(f"rolling restart of {count} {role} pods: {failed} failed requests")
            self.rows.append((f"Rolling restart, {role}", f"{time.monotonic() - begun:.0f} s", f"{failed} failed"))
            if failed:
                self.broken.append(f"{failed} requests failed during the rolling restart of {role}")

    def kill(self, name):
        before, begun = self.load.failed(), time.monotonic()
        old = self.pid(name)
        os.kill(old, signal.SIGKILL)
        self.say(f"kill -9 {name}")
        self.await_new(name, old)
        time.sleep(3)
        gap = self.load.longest_gap(begun - 1)
        self.rows.append((f"Killed: {name}", f"{gap:.1f} s without a write", f"{self.load.failed() - before} failed"))

    def redis_master(self):
        for i in range(3):
            told = subprocess.run(
                ["redis-cli", "-p", str(self.plan.port(f"sentinel-{i}")), "sentinel", "get-master-addr-by-name",
                 "rwp"], text=True, capture_output=True, timeout=10).stdout.split()
            if len(told) == 2:
                return next(f"redis-{n}" for n in range(3) if self.plan.port(f"redis-{n}") == int(told[1]))
        raise RuntimeError("no Sentinel names a master")

    def kill_redis_master(self):
        old_master = self.redis_master()
        old = self.pid(old_master)
        begun = time.monotonic()
        os.kill(old, signal.SIGKILL)
        self.say(f"kill -9 {old_master}, the master of Redis")
        supervisor.wait_for(lambda: self.redis_master() != old_master, "another master of Redis", 60)
        self.rows.append((f"Killed: {old_master} (master)", f"another after {time.monotonic() - begun:.1f} s", ""))
        self.await_new(old_master, old)

    def primary(self):
        for i in range(3):
            if supervisor.answers(self.plan.url(f"patroni-{i}", "/primary"), 2):
                return f"postgres-{i}"
        return None

    def kill_postgres_primary(self):
        name = self.primary()
        patroni = self.pid(name)
        server = int((self.plan.dir / name / "data/postmaster.pid").read_text().split()[0])
        before, begun = self.load.failed(), time.monotonic()
        hold = self.plan.dir / f"hold/{name}"
        hold.touch()
        os.kill(patroni, signal.SIGKILL)
        os.kill(server, signal.SIGKILL)
        self.say(f"kill -9 {name}, PostgreSQL's primary, and its Patroni; the machine stays away")
        supervisor.wait_for(lambda: self.primary() not in (None, name), "another primary")
        taken = time.monotonic() - begun
        acknowledged = len(self.load.acknowledged)
        supervisor.wait_for(lambda: len(self.load.acknowledged) > acknowledged, "a write after the failover")
        time.sleep(3)
        gap = self.load.longest_gap(begun - 1)
        self.say(f"{self.primary()} took over after {taken:.1f} s; {gap:.1f} s without a write")
        self.rows.append((f"Killed: {name} (primary)", f"{gap:.1f} s without a write",
                          f"{self.load.failed() - before} failed"))
        if gap > 45:
            self.broken.append(f"no write for {gap:.0f} s after the primary's death")
        hold.unlink()
        self.await_new(name, patroni, 120)
        self.say(f"{name} is back, as a standby")

    def run(self):
        self.rolling_restart()
        for name in ("worker-0", "ai-0", "api-0"):
            self.kill(name)
        self.kill_redis_master()
        self.kill_postgres_primary()


def alerts(plan, since):
    """Which alerts fired, and which of them cleared: name to [fired, cleared]."""
    found = {}
    path = plan.dir / "alerts.jsonl"
    for line in path.read_text().splitlines() if path.exists() else ():
        note = json.loads(line)
        if note["time"] >= since:
            entry = found.setdefault(note["alert"], [0, 0])
            entry[0 if note["state"] == "firing" else 1] += 1
    return found


def ask_prometheus(plan, query):
    url = plan.url("prometheus", "/api/v1/query?" + urllib.parse.urlencode({"query": query}))
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)["data"]["result"]
