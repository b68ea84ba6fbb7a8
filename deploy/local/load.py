"""Clients that use the cluster through its load balancer, and what became of what they were promised."""

import collections
import http.client
import json
import subprocess
import threading
import time
import urllib.request
import uuid

import parts

AD = {"title": "Staff nurse", "description": "Nights and weekends in Leeds, ward {ward}. You hold a registration with "
      "the NMC and have worked on a ward for two years. We offer training, a pension and 30 days of leave."}
PATIENCE_SECONDS = 180
# What a payload holds that is kept in the object store.
LARGE_BYTES = 1_100_000


class Connection:
    """Of one client to one balanced role; made anew when it was lost."""

    def __init__(self, load, role, key=None):
        self.load, self.role, self.key = load, role, key or load.key
        self.open = None

    def ask(self, method, path, body=None):
        """Status and answer; 0: there was none. Counted."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        for fresh in (False, True):
            reused = self.open is not None
            self.open = self.open or http.client.HTTPConnection(
                "127.0.0.1", self.load.plan.port(f"balanced-{self.role}"), timeout=80)
            try:
                self.open.request(method, path, body, headers)
                response = self.open.getresponse()
                answer = response.read()
                self.load.count(self.role, str(response.status) if response.status >= 400 else None)
                return response.status, answer
            except (OSError, http.client.HTTPException) as error:
                self.close()
                # An idle connection may be closed at any time: every client asks again on a new one.
                if not (reused and not fresh and isinstance(error, http.client.RemoteDisconnected)):
                    self.load.count(self.role, type(error).__name__)
                    break
        return 0, b""

    def until_taken(self, method, path, body):
        """Asked again until it is taken; None: it never was."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            status, answer = self.ask(method, path, body)
            if 200 <= status < 300:
                return answer
            if time.monotonic() > until:
                return None
            time.sleep(0.2)

    def close(self):
        if self.open:
            self.open.close()
        self.open = None


class Load:
    """Submits `rate` jobs a second until it is stopped, each until it is acknowledged; beside them lists jobs,
    sends events, asks the AI pods, and changes records in JobAdder."""

    def __init__(self, plan, rate, clients=12):
        self.plan = plan
        self.rate = rate
        self.key = (plan.dir / "key").read_text().strip()
        self.run = f"load-{int(time.time())}"
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.number = 0
        self.begun = time.monotonic()
        self.acknowledged = {}
        self.acknowledged_at = []
        self.events = set()
        self.requests = collections.Counter()
        self.failures = collections.Counter()
        self.unacknowledged = 0
        self.threads = [threading.Thread(target=self.client, daemon=True) for _ in range(clients)]
        self.threads.append(threading.Thread(target=self.change_records, daemon=True))
        for thread in self.threads:
            thread.start()

    def count(self, role, failure):
        with self.lock:
            self.requests[role] += 1
            if failure:
                self.failures[(role, failure)] += 1

    def take_turn(self):
        """The next job's number, when it is due; None at the end."""
        while not self.stopping.is_set():
            with self.lock:
                due = self.begun + self.number / self.rate
                if time.monotonic() >= due:
                    self.number += 1
                    return self.number
            self.stopping.wait(0.01)
        return None

    def job(self, number):
        payload = {"title": AD["title"], "description": AD["description"].format(ward=f"{number // 3} of {self.run}"),
                   "id": f"{self.run}-{number}"}
        job = {"kind": "job_ad.enrich", "idempotency_key": f"{self.run}/{number}", "payload": payload}
        if number % 200 == 100:
            payload["notes"] = "x" * LARGE_BYTES
        if number % 40 == 20:
            job["tags"] = ["ai:can-wait"]
        return json.dumps(job)

    def client(self):
        api, ai, analytics = (Connection(self, role) for role in ("api", "ai", "analytics"))
        while (number := self.take_turn()) is not None:
            answer = api.until_taken("POST", "/v1/jobs", self.job(number))
            with self.lock:
                if answer is None:
                    self.unacknowledged += 1
                else:
                    self.acknowledged[json.loads(answer)["id"]] = number
                    self.acknowledged_at.append(time.monotonic())
            if number % 5 == 0:
                api.ask("GET", "/v1/jobs?limit=5")
            if number % 4 == 0:
                self.send_event(analytics, number)
            if number % 10 == 0:
                question = {"role": "user", "content": f"Number {number} of {self.run}?"}
                ai.ask("POST", "/v1/chat/completions", json.dumps({"model": parts.MODEL, "messages": [question]}))
        for connection in (api, ai, analytics):
            connection.close()

    def send_event(self, connection, number):
        event = str(uuid.uuid4())
        body = {"client_id": f"{number % 100}.7", "events": [
            {"name": "job_viewed", "params": {"job_id": str(number), "event_id": event}}]}
        path = f"/mp/collect?measurement_id=G-LOCAL&api_secret={self.key}"
        if connection.until_taken("POST", path, json.dumps(body)) is not None:
            with self.lock:
                self.events.add(event)

    def change_records(self):
        """What recruiters do in JobAdder meanwhile."""
        at = self.plan.url("fake-jobadder", "/_fake/")
        with urllib.request.urlopen(at + "ids/candidates", timeout=30) as answer:
            ids = json.load(answer)
        for number in range(10**9):
            if self.stopping.wait(1):
                return
            request = urllib.request.Request(f"{at}touch/candidates/{ids[number % len(ids)]}", method="POST")
            urllib.request.urlopen(request, timeout=30).close()

    def failed(self, role=None):
        with self.lock:
            return sum(count for (of, _), count in self.failures.items() if role in (None, of))

    def share_failed(self, role):
        return self.failed(role) / max(1, self.requests[role])

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS + 90)

    def longest_gap(self, begin=0.0, end=float("inf")):
        """The longest time without an acknowledged submit."""
        with self.lock:
            times = [t for t in self.acknowledged_at if begin <= t <= end]
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)


def noted_lines(path):
    """But the last, which may be under way."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


def noted_events(plan):
    """How often each event was recorded, and each advert's enrichment."""
    events = collections.Counter()
    for line in noted_lines(plan.dir / "events.jsonl"):
        event = json.loads(line)
        events[event["id"]] += 1
        if event["name"] == "job_ad_enriched":
            events[event["parameters"]["ad_id"]] += 1
    return events


def sent_to_google(plan):
    return {line.split()[0] for line in noted_lines(plan.dir / "google.txt")}


def await_equal(find, seconds):
    """What `find` still misses, once that is nothing or time is over."""
    until = time.monotonic() + seconds
    while (missing := find()) and time.monotonic() < until:
        time.sleep(1)
    return missing


def outcome(plan, load, environment, seconds=240):
    """Waits for the ends of the jobs and of their events; how many are lost, failed, recorded twice."""
    ctl = [plan.programs / "rwpctl"]

    def listed(*arguments):
        told = subprocess.run([*ctl, "jobs", "list", "--all", *arguments, "-o", "ndjson"], text=True,
                              capture_output=True, timeout=120, env=environment)
        if told.returncode != 0:
            raise RuntimeError(f"rwpctl jobs list: {told.stderr.strip()}")
        return {job["id"]: job["state"] for job in map(json.loads, told.stdout.splitlines())}

    jobs = {}

    def open_jobs():
        try:
            found = listed("--kind", "job_ad.enrich")
        except RuntimeError as error:
            # Nothing is known of them; asked again.
            print(error, flush=True)
            return list(load.acknowledged)
        jobs.clear()
        jobs.update(found)
        return [i for i in load.acknowledged if jobs.get(i, "gone") not in ("succeeded", "failed", "gone")]

    still_open = await_equal(open_jobs, seconds)
    succeeded = {f"{load.run}-{number}" for i, number in load.acknowledged.items() if jobs.get(i) == "succeeded"}
    missing = await_equal(lambda: (load.events | succeeded) - noted_events(plan).keys(), seconds / 2)
    unsent = await_equal(lambda: load.events - sent_to_google(plan), seconds / 2)
    events = noted_events(plan)
    verified = subprocess.run([*ctl, "verify"], text=True, capture_output=True, timeout=300, env=environment)
    jobadder = subprocess.run([*ctl, "jobadder", "status", "--tenant", "local"], text=True, capture_output=True,
                              timeout=60, env=environment)
    return {"lost": sum(1 for i in load.acknowledged if i not in jobs), "not ended": len(still_open),
            "dead letters": len(listed("--state", "failed")),
            "twice recorded": sum(1 for count in events.values() if count > 1),
            "events lost": len(missing) + len(unsent),
            "verify": "nothing is wrong" if verified.returncode == 0 else verified.stdout[-500:],
            "jobadder": "signed in, looks go on" if jobadder.returncode == 0 else jobadder.stdout + jobadder.stderr}


def traces_across_pods(plan):
    """Traces that lead from an api pod through a worker to an AI pod."""
    services = collections.defaultdict(set)
    for line in noted_lines(plan.dir / "traces.jsonl"):
        span = json.loads(line)
        services[span["trace"]].add(span["service"])
    asked = {"rwp-api_pod", "rwp-worker_pod", "rwp-ai_pod"}
    return sum(1 for found in services.values() if asked <= found)
