"""The programs of the cluster on one machine: pods, load balancer, services of others; and all processes."""

import json
import sys

import stores
import watchers
from plan import HERE, Process

COUNTS = {"api": 3, "worker": 5, "ai": 3, "analytics": 3}
MODEL = "gpt-4o-mini"
# Whose budget for AI calls holds a few of them.
POOR_TENANT = "poor"


def processes(plan):
    """All of them, in the order in which they start."""
    made = [*stores.etcd(plan), *stores.s3(plan), *stores.postgres(plan), *stores.redis(plan),
            *services(plan), *pods(plan)]
    made.append(haproxy(plan))
    made += watchers.watchers(plan, made)
    return made


def settings(plan):
    """What pods and rwpctl share."""
    return stores.S3_KEYS | {
        "RWP_JOBS_URL": stores.jobs_url(plan), "RWP_OBJECTS_URL": stores.objects_url(plan),
        "RWP_JOBADDER_CLIENT_ID": "fake-client", "RWP_JOBADDER_CLIENT_SECRET": "fake-client-secret",
        "RWP_JOBADDER_AUTH_URL": f"http://localhost:{plan.port('fake-jobadder')}/connect",
        "RWP_JOBADDER_REQUESTS_PER_MINUTE": "1200"}


def services(plan):
    """The services that belong to others."""
    yield Process("fake-openai", [str(plan.programs / "fake_openai"), "--listen",
                                  f"127.0.0.1:{plan.port('fake-openai')}", "--model", MODEL,
                                  "--batch-takes", "2000"],
                  ready=plan.url("fake-openai", "/v1/models"))
    yield Process("fake-jobadder", [str(plan.programs / "fake_jobadder"), "--listen",
                                    f"127.0.0.1:{plan.port('fake-jobadder')}", "--shift-every", "50"],
                  ready=plan.url("fake-jobadder", "/_fake/counts"))
    yield Process("fake-google", [sys.executable, str(HERE / "fake_google.py"), str(plan.port("fake-google")),
                                  str(plan.dir / "google.txt")], ready=plan.url("fake-google"))


def pods(plan):
    tenants = plan.write("config/tenants.json", json.dumps(
        {"tenants": {"*": {"models": ["*"]}, POOR_TENANT: {"models": ["*"], "budget_day_usd": 0.0005}}}))
    common = settings(plan) | {
        "RWP_API_KEYS_FILE": str(plan.dir / "keys"), "RWP_LOG_FORMAT": "json", "RWP_LOG_LEVEL": "warn",
        "RWP_DRAIN_DELAY": "3s", "RWP_DRAIN_GRACE": "20s", "RWP_REDIS_URL": stores.redis_url(plan),
        "RWP_TRACES_URL": plan.url("traces", "/v1/traces"), "RWP_TRACES_PERCENT": "20"}
    batches = {"RWP_AI_BATCH": "true", "RWP_AI_BATCH_AGE": "2s", "RWP_AI_BATCH_POLL_EVERY": "2s"}
    own = {
        "api": {"RWP_JOBADDER_WEBHOOK_SECRET": "a-secret-of-nobody-0123456789"},
        "analytics": {"RWP_ANALYTICS_URL": f"jsonl:{plan.dir}/events.jsonl "
                                           f"ga4:{plan.url('fake-google')}?measurement_id=G-LOCAL",
                      "GA4_API_SECRET": "fake-google-secret"},
        "ai": batches | {"RWP_AI_URL": plan.url("fake-openai", "/v1"), "RWP_AI_MODEL": MODEL,
                         "RWP_AI_FILES": "true", "RWP_AI_USAGE": "true", "RWP_AI_CACHE_MEGABYTES": "64",
                         "RWP_AI_TENANTS_FILE": str(tenants)},
        "worker": batches | {"RWP_AI_URL": plan.url("balanced-ai", "/v1"), "RWP_AI_MODEL": MODEL,
                             "RWP_AI_API_KEY_FILE": str(plan.dir / "key"), "RWP_CONCURRENCY": "8",
                             "RWP_JOBADDER_POLL": "5s", "RWP_JOBADDER_WRITE_BACK": "notes",
                             "RWP_ANALYTICS_URL": plan.url("balanced-analytics"),
                             "RWP_ANALYTICS_API_KEY_FILE": str(plan.dir / "key")}}
    jobs = {"ai": "ai-processor"}
    for role, count in COUNTS.items():
        for i in range(count):
            name = f"{role}-{i}"
            yield Process(
                name, [str(plan.programs / f"{role}_pod"), "--listen", f"127.0.0.1:{plan.port(name)}",
                       "--metrics-listen", f"127.0.0.1:{plan.port(f'{name}-metrics')}"],
                common | own[role], ready=plan.url(name, "/ready"), after=("postgres-0", "schema"),
                scraped=(jobs.get(role, role), f"{name}-metrics"))


def haproxy(plan):
    text = """global
  maxconn 4000
defaults
  mode http
  timeout connect 1s
  timeout client 90s
  timeout server 90s
  retries 3
  option redispatch
  # A connection that was refused has carried nothing: another pod is asked.
  retry-on conn-failure
  option http-keep-alive
"""
    for role in ("api", "ai", "analytics"):
        text += f"""
frontend {role}
  bind 127.0.0.1:{plan.port(f'balanced-{role}')}
  # None is ready when the database fails over: then those that live wait for it, and answer.
  use_backend {role}_alive if {{ nbsrv({role}) eq 0 }}
  default_backend {role}
"""
        for backend, path in ((role, "/ready"), (f"{role}_alive", "/health")):
            text += (f"backend {backend}\n  balance leastconn\n  option httpchk GET {path}\n"
                     "  default-server inter 300ms fall 1 rise 1\n")
            for i in range(COUNTS[role]):
                text += f"  server {role}-{i} 127.0.0.1:{plan.port(f'{role}-{i}')} check\n"
    path = plan.write("config/haproxy.cfg", text)
    return Process("haproxy", ["haproxy", "-db", "-f", str(path)], after=("api-0",))
