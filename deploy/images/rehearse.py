#!/usr/bin/env python3
"""Starts the manifests' own pods on this machine: images of build.sh, runc in place of a kubelet, a network of
namespaces in place of a CNI's. Shows that the stores come up as the manifests say, that the pods find each other
through their settings, and what dies is made good.

usage: rehearse.py --programs DIR [--overlay NAME] [--keep]
    --programs DIR   fake_openai and rwpctl: the model behind the AI pod, the keys
    --overlay NAME   base
    --keep           leave files and logs in the folder that it names
etcd, Patroni's PostgreSQL and Redis with Sentinel have all their replicas, each role one pod. Objects and
pgBackRest's repository lie in a folder that all share, in place of S3; policies, quotas and probes of liveness
are not played. Needs root, Debian's buildah, runc, iproute2 and openssl. Exit code 1 when a promise broke.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from kubelet import DEADLINE, ROLES, STORES, Rehearsal, must

import manifests
import policy

# In the place of S3.
REPOSITORY = {"PGBACKREST_REPO1_TYPE": "posix", "PGBACKREST_REPO1_PATH": "/shared/pgbackrest"}


def until(what, holds, seconds=DEADLINE):
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise RuntimeError(f"not within {seconds} s: {what}")
        time.sleep(0.25)
    print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)


def run_job(rehearsal, kind, name, change=None):
    pod = rehearsal.start_pod("job", rehearsal.find(kind, name), change)
    code, text = pod.wait()
    if code != 0:
        raise RuntimeError(f"{kind} {name} ended with {code}: {text[-1500:]}")
    print(f"{'':9}{kind} {name}: done", flush=True)
    return text


def submit(rehearsal, number):
    payload = {"kind": "job_ad.enrich", "idempotency_key": f"rehearsal/{number}", "payload": {
        "id": str(number), "title": "Cook", "description": "Cooks for guests in Leeds, evenings and weekends."}}
    result = subprocess.run(
        ["ip", "netns", "exec", f"{rehearsal.mark}-openai", "curl", "-fsS", "-m", "100", "-H",
         f"Authorization: Bearer {rehearsal.client_key}", "-H", "Content-Type: application/json", "-d",
         json.dumps(payload), f"http://{rehearsal.address('api')}:3000/v1/jobs?wait=60s"],
        text=True, capture_output=True, timeout=DEADLINE)
    if result.returncode != 0:
        raise RuntimeError(f"job {number}: {result.stderr.strip()}")
    return json.loads(result.stdout).get("state")


def must_in(pod, container, *command):
    result = pod.execute(container, *command)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} in {pod.name}: {result.stdout[-500:]}{result.stderr[-500:]}")


def primary_of(rehearsal):
    for name in ("postgres-0", "postgres-1", "postgres-2"):
        if rehearsal.pods[name].execute("postgres", "curl", "-fsS", "-m", "2", "http://localhost:8008/primary"
                                        ).returncode == 0:
            return name
    return None


def streaming(rehearsal):
    name = primary_of(rehearsal)
    if name is None:
        return 0
    shown = rehearsal.pods[name].execute("postgres", "psql", "-h", "/run/postgresql", "-U", "postgres", "-At", "-c",
                                         "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
    return int(shown.stdout.strip() or 0) if shown.returncode == 0 else 0


def master_of(rehearsal):
    for name in ("redis-0", "redis-1", "redis-2"):
        shown = rehearsal.pods[name].execute(
            "redis", "sh", "-c", "REDISCLI_AUTH=$(cat /etc/rwp/redis/password) redis-cli role | head -n 1")
        if shown.stdout.strip() == "master":
            return name
    return None


def rehearse(rehearsal):
    pods = rehearsal.pods
    for store in STORES:
        document = rehearsal.find("StatefulSet", store)
        for index in range(document["spec"]["replicas"]):
            rehearsal.start_pod(f"{store}-{index}", document, REPOSITORY if store == "postgres" else None)
    for store in STORES:
        until(f"{store}: all replicas are ready",
              lambda: all([pods[f"{store}-{index}"].ready() for index in range(3)]))
    until("PostgreSQL streams to two standbys", lambda: streaming(rehearsal) == 2)
    run_job(rehearsal, "Job", "migration")
    rehearsal.network.plug_in(f"{rehearsal.mark}-openai", rehearsal.address("openai"))
    openai = subprocess.Popen(
        ["ip", "netns", "exec", f"{rehearsal.mark}-openai", f"{rehearsal.programs}/fake_openai", "--listen",
         "0.0.0.0:8080"], stdout=subprocess.DEVNULL, stderr=open(rehearsal.folder / "openai.log", "w"))
    try:
        for role in ROLES:
            change = {"RWP_AI_URL": "http://openai:8080/v1", "RWP_AI_API_KEY": "sk-rehearsal"}
            rehearsal.start_pod(policy.ROLES[role][0], rehearsal.find("Deployment", role),
                                change if role == "ai-deployment" else None)
        for role in ROLES:
            name = policy.ROLES[role][0]
            until(f"{name} is ready", pods[name].ready)
        work_and_fail_over(rehearsal)
    finally:
        openai.kill()
        openai.wait(timeout=DEADLINE)


def work_and_fail_over(rehearsal):
    pods = rehearsal.pods
    numbers = iter(range(1, 1000))

    def work(what):
        """One job, submitted once: the API waits for a database, the job for who hands it out."""
        began = time.monotonic()
        state = submit(rehearsal, next(numbers))
        if state != "succeeded":
            raise RuntimeError(f"{what}: a job is {state} after a minute")
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    for _ in range(3):
        work("a job succeeded: api, PostgreSQL, Redis, worker, AI pod, analytics")
    run_job(rehearsal, "CronJob", "postgres-backup-full", REPOSITORY)
    run_job(rehearsal, "CronJob", "postgres-backup-incr", REPOSITORY)
    run_job(rehearsal, "CronJob", "objects-backup")
    run_job(rehearsal, "CronJob", "costs-report")
    master = master_of(rehearsal)
    print(f"{'':9}Redis' master {master} is killed", flush=True)
    pods[master].kill()
    work("the next job succeeded")
    until("another Redis is master", lambda: master_of(rehearsal) not in (None, master))
    pods[master].start()
    until(f"{master} is back", pods[master].ready)
    primary = primary_of(rehearsal)
    print(f"{'':9}PostgreSQL's primary {primary} is killed", flush=True)
    pods[primary].kill()
    work("the next job succeeded")
    pods[primary].start()
    until("PostgreSQL streams to two standbys again", lambda: pods[primary].ready() and streaming(rehearsal) == 2)
    primary = primary_of(rehearsal)
    must_in(pods[primary], "postgres", "sh", "/etc/rwp/files/step-down.sh")
    until(f"{primary} has stepped down, as before its stop",
          lambda: primary_of(rehearsal) not in (None, primary))
    until(f"{primary} follows", lambda: pods[primary].ready() and streaming(rehearsal) == 2)
    for pod, container, *command in (
            (primary, "postgres", "patronictl", "list"), (primary, "postgres", "pgbackrest", "info"),
            (primary_of(rehearsal), "postgres", "pgbackrest", "check"),
            (primary, "postgres", "psql", "-c", "SELECT 1", "rwp"),
            ("etcd-0", "etcd", "etcdctl", "endpoint", "status", "--cluster"),
            ("worker", "worker", "rwpctl", "queues", "list"),
            ("worker", "worker", "env", "RWP_REDIS_URL_FILE=/etc/rwp/redis/url", "rwpctl", "forget",
             "--candidate", "nobody")):
        must_in(pods[pod], container, *command)
    print(f"{'':9}the runbooks' commands answer", flush=True)
    shown = pods["worker"].execute("worker", "rwpctl", "verify")
    if shown.returncode != 0:
        raise RuntimeError(f"rwpctl verify in the worker: {shown.stdout[-500:]} {shown.stderr[-500:]}")
    print(f"{'':9}rwpctl verify in the worker: {shown.stdout.strip().splitlines()[-1]}", flush=True)
    began = time.monotonic()
    must("runc", "kill", pods["worker"].id("worker"), "TERM")
    code = pods["worker"].running["worker"].wait(timeout=DEADLINE)
    if code != 0:
        raise RuntimeError(f"the worker ended with {code} after SIGTERM")
    print(f"{'':9}the worker ended {time.monotonic() - began:.1f} s after SIGTERM", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True, type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--overlay", default="base", choices=("base", "dev", "staging"))
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rwp-rehearsal-"))
    folder.chmod(0o755)
    rehearsal = Rehearsal(manifests.render(manifests.FOLDERS[arguments.overlay]), folder, arguments.programs)
    failed = False
    try:
        rehearse(rehearsal)
        print("every promise held")
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"broken: {error}; see {folder}")
        failed = True
    finally:
        rehearsal.remove()
        if not (arguments.keep or failed):
            shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
