"""Each alert fired for real: its cause is made, the alert awaited from Alertmanager, the cause undone."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import chaos
import load as loads
import parts
import supervisor
from plan import HERE


class FireDrill(chaos.Chaos):
    def signal_all(self, names, number):
        for name in names:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid(name), number)

    @contextlib.contextmanager
    def stopped(self, *names):
        """They hang: alive, and without an answer."""
        self.signal_all(names, signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal_all(names, signal.SIGCONT)

    @contextlib.contextmanager
    def gone(self, *names):
        for name in names:
            (self.plan.dir / f"hold/{name}").touch()
        self.signal_all(names, signal.SIGKILL)
        try:
            yield
        finally:
            for name in names:
                (self.plan.dir / f"hold/{name}").unlink()
            for name in names:
                process = self.processes()[name]
                supervisor.wait_for(lambda: not process.ready or supervisor.answers(process.ready), name, 120)

    def sql(self, text, name=None, wait=True):
        command = ["psql", "-Xqc", text, "-h", "127.0.0.1", "-p", str(self.plan.port(name or self.primary())),
                   "-U", "postgres", "-d", "rwp"]
        if wait:
            return subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @contextlib.contextmanager
    def session(self, text):
        """A statement that goes on in the background."""
        process = self.sql(text, wait=False)
        try:
            yield
        finally:
            process.kill()
            process.wait()
            self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' "
                     "AND pid <> pg_backend_pid()")

    @contextlib.contextmanager
    def primary_gone(self):
        """Every database is gone, so that no other takes over."""
        names = [f"postgres-{i}" for i in range(3)]
        for name in names:
            (self.plan.dir / f"hold/{name}").touch()
        servers = [int((self.plan.dir / n / "data/postmaster.pid").read_text().split()[0]) for n in names]
        self.signal_all(names, signal.SIGKILL)
        for server in servers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)
        # Each waits for a database as long as it may, and fails.
        asking = [threading.Thread(target=loads.Connection(self.load, "api").ask, args=("GET", "/v1/jobs?limit=1"),
                                   daemon=True)
                  for _ in range(300)]
        for thread in asking:
            thread.start()
        try:
            yield
        finally:
            for name in names:
                (self.plan.dir / f"hold/{name}").unlink()
            supervisor.wait_for(lambda: self.primary() is not None, "a primary", 120)

    @contextlib.contextmanager
    def standby_gone(self):
        name = next(f"postgres-{i}" for i in range(3) if f"postgres-{i}" != self.primary())
        server = int((self.plan.dir / name / "data/postmaster.pid").read_text().split()[0])
        (self.plan.dir / f"hold/{name}").touch()
        self.signal_all([name], signal.SIGKILL)
        os.kill(server, signal.SIGKILL)
        try:
            yield
        finally:
            (self.plan.dir / f"hold/{name}").unlink()
            process = self.processes()[name]
            supervisor.wait_for(lambda: supervisor.answers(process.ready), name, 120)

    @contextlib.contextmanager
    def standby_behind(self):
        name = next(f"postgres-{i}" for i in range(3) if f"postgres-{i}" != self.primary())
        told = subprocess.run(
            ["psql", "-XAtc", "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'", "-h", "127.0.0.1",
             "-p", str(self.plan.port(name)), "-U", "postgres"], text=True, capture_output=True, timeout=30)
        # It receives and does not replay. (A replay that is merely paused Patroni resumes.)
        replaying = int(told.stdout)
        os.kill(replaying, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(replaying, signal.SIGCONT)

    @contextlib.contextmanager
    def archive_away(self):
        with self.away("archive"):
            yield

    @contextlib.contextmanager
    def slow_database(self):
        """Locks that come and go, for a third of a second each."""
        text = ("DO $$ BEGIN FOR i IN 1..300 LOOP LOCK TABLE rwp.job IN ACCESS EXCLUSIVE MODE; "
                "PERFORM pg_sleep(0.35); COMMIT; PERFORM pg_sleep(0.05); END LOOP; END $$")
        with self.session(text):
            yield

    @contextlib.contextmanager
    def old_snapshot(self):
        with self.session("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM rwp.job; SELECT pg_sleep(300)"):
            yield

    @contextlib.contextmanager
    def busy(self):
        loops = [subprocess.Popen(["nice", "sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count())]
        try:
            yield
        finally:
            for loop in loops:
                loop.kill()
                loop.wait()

    @contextlib.contextmanager
    def much_memory(self):
        """A program that takes what is free beyond an eighth, and is the first to go if memory runs out."""
        hog = subprocess.Popen([sys.executable, str(HERE / "memory_hog.py"), "0.87"])
        try:
            yield
        finally:
            hog.kill()
            hog.wait()

    @contextlib.contextmanager
    def budget_spent(self):
        """A tenant that asks on, past the few calls that its budget holds."""
        asking = loads.Connection(self.load, "ai", (self.plan.dir / "poor-key").read_text().strip())
        body = {"model": parts.MODEL, "max_completion_tokens": 100}
        for number in range(40):
            body["messages"] = [{"role": "user", "content": f"Question {number} of the poor"}]
            asking.ask("POST", "/v1/chat/completions", json.dumps(body))
            time.sleep(0.2)
        yield

    @contextlib.contextmanager
    def dispatch_closed(self):
        with self.stopped(*(f"{kind}-{i}" for kind in ("redis", "sentinel") for i in range(3))):
            yield

    @contextlib.contextmanager
    def full_disk(self):
        """A small volume of its own, nine tenths full."""
        with tempfile.TemporaryDirectory(prefix="rwp-volume-") as folder:
            image, mount = pathlib.Path(folder) / "image", pathlib.Path(folder) / "mount"
            mount.mkdir()
            with image.open("wb") as out:
                out.truncate(20 << 20)
            subprocess.run(["mkfs.ext4", "-q", image], check=True)
            subprocess.run(["mount", "-o", "loop", image, mount], check=True)
            try:
                room = os.statvfs(mount)
                (mount / "filling").write_bytes(b"x" * int(0.9 * room.f_bavail * room.f_frsize))
                yield
            finally:
                subprocess.run(["umount", mount], check=True)

    @contextlib.contextmanager
    def stale_backup(self):
        """None succeeds for what is three hours to the rules."""
        with self.gone("backups"):
            yield

    def submit(self, jobs):
        body = json.dumps({"jobs": jobs}).encode()
        request = urllib.request.Request(self.plan.url("balanced-api", "/v1/jobs"), body, {
            "Authorization": f"Bearer {self.load.key}", "Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=60).read()

    @contextlib.contextmanager
    def bad_jobs(self):
        """Adverts without a title: no attempt helps."""
        for _ in range(6):
            self.submit([{"kind": "job_ad.enrich", "payload": {"id": 7}, "max_attempts": 1} for _ in range(40)])
            time.sleep(1)
        yield

    @contextlib.contextmanager
    def burst(self):
        workers = [f"worker-{i}" for i in range(5)]
        with self.stopped(*workers):
            for _ in range(25):
                self.submit([{"kind": "job_ad.enrich", "queue": "burst", "delay": "0s",
                              "payload": {"id": "b", "title": "Cook", "description": "Cooks in Leeds."}}
                             for _ in range(40)])
                time.sleep(1)
            yield

    @contextlib.contextmanager
    def model_faults(self, fault, steps=600):
        script = json.dumps({"steps": [fault] * steps}).encode()
        url = self.plan.url("fake-openai", "/_fake/script")
        urllib.request.urlopen(urllib.request.Request(url, script), timeout=30).read()
        try:
            yield
        finally:
            # What is left of the script goes with it.
            with self.gone("fake-openai"):
                pass

    @contextlib.contextmanager
    def workers_hang(self):
        """Four of five hang with all their places taken, past their leases; the fifth rescues."""
        with self.model_faults("slow:25000", 60):
            self.submit([{"kind": "job_ad.enrich", "queue": "slow",
                          "payload": {"id": f"s{i}", "title": "Cook", "description": f"Cooks in Leeds, {i}."}}
                         for i in range(60)])
            time.sleep(5)
            with self.stopped(*[f"worker-{i}" for i in range(4)]):
                time.sleep(45)  # A lease is 30 s.
        # They find it lost once they go on.
        yield

    def causes(self):
        workers = [f"worker-{i}" for i in range(5)]
        apis = [f"api-{i}" for i in range(3)]
        return [
            (("RwpDiskHigh",), self.full_disk()),
            (("RwpTargetDown",), self.gone("analytics-0")), (("RwpCpuHigh",), self.busy()),
            (("RwpMemoryHigh",), self.much_memory()), (("RwpAiBudgetSpent",), self.budget_spent()),
            (("RwpDispatchClosed",), self.dispatch_closed()),
            (("RwpWalArchiveFails",), self.archive_away()), (("RwpReplicationLag",), self.standby_behind()),
            (("RwpReplicaMissing",), self.standby_gone()), (("RwpResponseTimeHigh",), self.slow_database()),
            (("RwpPostgresOldSnapshot",), self.old_snapshot()), (("RwpJobsFail",), self.bad_jobs()),
            (("RwpAiErrors",), self.model_faults("server_error")),
            (("RwpAiRateLimited",), self.model_faults("rate_limit:10")),
            (("RwpProcessingDelay",), self.stopped(*workers)), (("RwpQueueGrowth",), self.burst()),
            (("RwpLeasesLost",), self.workers_hang()), (("RwpApiGone",), self.gone(*apis)),
            # Three hours of the rules' are as many minutes.
            (("RwpBackupStale",), self.stale_backup()),
            (("RwpPostgresNoPrimary", "RwpErrorRateHigh", "RwpAvailabilityLow", "RwpSloBurnFast",
              "RwpSloBurnSlow"), self.primary_gone()),
        ]

    def run(self, only=(), seconds=240):
        """Rows of alert and time until it fired; None: it did not."""
        for names, cause in self.causes():
            wanted = [name for name in names if not only or name in only]
            if not wanted:
                continue
            since = time.time()
            fired = {}
            try:
                with cause:
                    until = time.monotonic() + seconds
                    while len(fired) < len(wanted) and time.monotonic() < until:
                        self.note(fired, wanted, since)
                        time.sleep(0.5)
                until = time.monotonic() + 30
                while len(fired) < len(wanted) and time.monotonic() < until:
                    self.note(fired, wanted, since)
                    time.sleep(0.5)
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                self.say(f"{', '.join(wanted)}: {error}")
            for name in wanted:
                taken = f"fired after {fired[name]:.0f} s" if name in fired else "DID NOT FIRE"
                self.say(f"{name}: {taken}")
                self.rows.append((name, taken, ""))
                if name not in fired:
                    self.broken.append(f"{name} did not fire")
            time.sleep(5)

    def note(self, fired, wanted, since):
        for name, (count, _) in chaos.alerts(self.plan, since).items():
            if name in wanted and count and name not in fired:
                fired[name] = time.time() - since
        # One that fires already, as CPU may on a busy machine, is not told anew.
        for name in set(wanted) - fired.keys():
            if chaos.ask_prometheus(self.plan, f'ALERTS{{alertname="{name}",alertstate="firing"}}'):
                fired[name] = time.time() - since
