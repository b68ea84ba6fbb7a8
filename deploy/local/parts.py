"""The processes of the cluster on one machine: their settings, command lines and ports."""

import dataclasses
import json
import os
import pathlib
import pwd
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
COUNTS = {"api": 3, "worker": 5, "ai": 3, "analytics": 3}
SCALE = 60
MODEL = "gpt-4o-mini"


@dataclasses.dataclass
class Process:
    name: str
    command: list
    environment: dict = dataclasses.field(default_factory=dict)
    # The user of the database's files, for what must not be root.
    as_postgres: bool = False
    # Answers 200 once it serves; none: as soon as it runs.
    ready: str = ""
    after: tuple = ()
    # What Prometheus asks: job, port.
    scraped: tuple = ()


class Plan:
    """What is started, where it listens and keeps its files."""

    def __init__(self, folder, programs, first_port):
        self.dir = pathlib.Path(folder)
        self.programs = pathlib.Path(programs)
        self.first_port = first_port
        self.ports = {}

    def port(self, name):
        return self.ports.setdefault(name, self.first_port + len(self.ports))

    def url(self, name, path=""):
        return f"http://127.0.0.1:{self.port(name)}{path}"

    def write(self, name, text, mode=0o644):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def folder(self, name, postgres=False):
        path = self.dir / name
        path.mkdir(parents=True, exist_ok=True)
        if postgres and os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(path, user.pw_uid, user.pw_gid)
            path.chmod(0o700)
        return path

    def jobs_url(self):
        hosts = ",".join(f"127.0.0.1:{self.port(f'postgres-{i}')}" for i in range(3))
        return (f"postgres://postgres@{hosts}/rwp?target_session_attrs=read-write&connect_timeout=2"
                "&patience=60s")

    def processes(self):
        made = [*self.etcd(), *self.postgres(), *self.redis(), *self.services(), *self.pods()]
        made.append(self.haproxy())
        made += self.watchers(made)
        return made

    def etcd(self):
        cluster = ",".join(f"etcd-{i}={self.url(f'etcd-peer-{i}')}" for i in range(3))
        for i in range(3):
            client, peer = self.url(f"etcd-{i}"), self.url(f"etcd-peer-{i}")
            yield Process(f"etcd-{i}", [
                "etcd", f"--name=etcd-{i}", f"--data-dir={self.folder(f'etcd-{i}')}", "--unsafe-no-fsync",
                f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster={cluster}", "--initial-cluster-token=rwp", "--log-level=error"],
                ready=client + "/health")

    def postgres(self):
        hosts = ",".join(f"127.0.0.1:{self.port(f'etcd-{i}')}" for i in range(3))
        for i in range(3):
            name = f"postgres-{i}"
            folder = self.folder(name, postgres=True)
            settings = {
                "scope": "rwp", "name": name, "namespace": "/service/",
                "restapi": {"listen": f"127.0.0.1:{self.port(f'patroni-{i}')}",
                            "connect_address": f"127.0.0.1:{self.port(f'patroni-{i}')}"},
                "etcd3": {"hosts": hosts},
                "bootstrap": {
                    "dcs": {"ttl": 20, "loop_wait": 5, "retry_timeout": 5,
                            "maximum_lag_on_failover": 1048576, "synchronous_mode": True,
                            "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": {
                                "max_connections": 200, "wal_log_hints": "on", "shared_buffers": "64MB",
                                "archive_mode": "on", "archive_timeout": 5,
                                "archive_command": f"cp %p {self.folder('archive', True)}/%f"}}},
                    "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
                    "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust",
                               "host replication all 127.0.0.1/32 trust"]},
                "postgresql": {
                    "listen": f"127.0.0.1:{self.port(name)}",
                    "connect_address": f"127.0.0.1:{self.port(name)}", "bin_dir": str(POSTGRES),
                    "data_dir": str(folder / "data"), "pgpass": str(folder / "pgpass"),
                    "authentication": {"superuser": {"username": "postgres"},
                                       "replication": {"username": "replicator"},
                                       "rewind": {"username": "rewinder"}},
                    "parameters": {"unix_socket_directories": str(folder)}}}
            # JSON is YAML.
            path = self.write(f"config/{name}.yml", json.dumps(settings, indent=1))
            yield Process(name, ["patroni", str(path)], as_postgres=True,
                          ready=self.url(f"patroni-{i}", "/readiness"), after=("etcd-0", "etcd-1", "etcd-2"))
            yield Process(
                f"postgres-exporter-{i}",
                ["prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{self.port(f'pgx-{i}')}",
                 f"--extend.query-path={ROOT}/deploy/kubernetes/base/postgres/postgres-queries.yaml"],
                {"DATA_SOURCE_NAME": f"postgresql://postgres@127.0.0.1:{self.port(name)}/postgres?sslmode=disable"},
                scraped=("postgres", f"pgx-{i}"))

    def redis(self):
        for i in range(3):
            folder = self.folder(f"redis-{i}")
            config = f"port {self.port(f'redis-{i}')}\nbind 127.0.0.1\ndir {folder}\nappendonly yes\n"
            if i > 0:
                config += f"replicaof 127.0.0.1 {self.port('redis-0')}\n"
            # Sentinel rewrites it when it moves the master.
            path = self.dir / f"config/redis-{i}.conf"
            if not path.exists():
                self.write(f"config/redis-{i}.conf", config)
            yield Process(f"redis-{i}", ["redis-server", str(path)])
            path = self.dir / f"config/sentinel-{i}.conf"
            if not path.exists():
                self.write(f"config/sentinel-{i}.conf",
                           f"port {self.port(f'sentinel-{i}')}\nbind 127.0.0.1\ndir {folder}\n"
                           f"sentinel monitor rwp 127.0.0.1 {self.port('redis-0')} 2\n"
                           "sentinel down-after-milliseconds rwp 3000\nsentinel failover-timeout rwp 10000\n")
            yield Process(f"sentinel-{i}", ["redis-server", str(path), "--sentinel"], after=(f"redis-{i}",))

    def services(self):
        yield Process("fake-openai", [str(self.programs / "fake_openai"), "--listen",
                                      f"127.0.0.1:{self.port('fake-openai')}", "--model", MODEL],
                      ready=self.url("fake-openai", "/v1/models"))

    def pods(self):
        common = {
            "RWP_JOBS_URL": self.jobs_url(), "RWP_OBJECTS_URL": f"file:{self.folder('objects')}",
            "RWP_API_KEYS_FILE": str(self.dir / "keys"), "RWP_LOG_FORMAT": "json", "RWP_LOG_LEVEL": "warn",
            "RWP_DRAIN_DELAY": "3s", "RWP_DRAIN_GRACE": "20s"}
        own = {
            "api": {}, "analytics": {"RWP_ANALYTICS_URL": f"jsonl:{self.dir}/events.jsonl"},
            "ai": {"RWP_AI_URL": self.url("fake-openai", "/v1"), "RWP_AI_MODEL": MODEL},
            "worker": {"RWP_AI_URL": self.url("balanced-ai", "/v1"), "RWP_AI_MODEL": MODEL,
                       "RWP_AI_API_KEY_FILE": str(self.dir / "key"), "RWP_CONCURRENCY": "8",
                       "RWP_ANALYTICS_URL": self.url("balanced-analytics"),
                       "RWP_ANALYTICS_API_KEY_FILE": str(self.dir / "key")}}
        jobs = {"ai": "ai-processor"}
        for role, count in COUNTS.items():
            for i in range(count):
                name = f"{role}-{i}"
                yield Process(
                    name, [str(self.programs / f"{role}_pod"), "--listen", f"127.0.0.1:{self.port(name)}",
                           "--metrics-listen", f"127.0.0.1:{self.port(f'{name}-metrics')}"],
                    common | own[role], ready=self.url(name, "/ready"), after=("postgres-0", "schema"),
                    scraped=(jobs.get(role, role), f"{name}-metrics"))

    def haproxy(self):
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
  bind 127.0.0.1:{self.port(f'balanced-{role}')}
  # None is ready when the database fails over: then those that live wait for it, and answer.
  use_backend {role}_alive if {{ nbsrv({role}) eq 0 }}
  default_backend {role}
"""
            for backend, path in ((role, "/ready"), (f"{role}_alive", "/health")):
                text += (f"backend {backend}\n  balance leastconn\n  option httpchk GET {path}\n"
                         "  default-server inter 300ms fall 1 rise 1\n")
                for i in range(COUNTS[role]):
                    text += f"  server {role}-{i} 127.0.0.1:{self.port(f'{role}-{i}')} check\n"
        path = self.write("config/haproxy.cfg", text)
        return Process("haproxy", ["haproxy", "-db", "-f", str(path)], after=("api-0",))

    def watchers(self, others):
        rules = subprocess.run(
            [sys.executable, ROOT / "deploy/observability/rules.py", "--scale", str(SCALE)], text=True,
            capture_output=True, check=True).stdout
        self.write("config/rules.yaml", rules)
        node = Process("node-exporter", [
            "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{self.port('node')}",
            f"--collector.textfile.directory={self.folder('metrics')}"], scraped=("node", "node"))
        jobs = {}
        for process in [*others, node]:
            if process.scraped:
                job, port = process.scraped
                jobs.setdefault(job, []).append(
                    {"targets": [f"127.0.0.1:{self.port(port)}"], "labels": {"namespace": "rwp",
                                                                            "pod": process.name}})
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(self.dir / "config/rules.yaml")],
            "alerting": {"alertmanagers": [{"static_configs": [
                {"targets": [f"127.0.0.1:{self.port('alertmanager')}"]}]}]},
            "scrape_configs": [{"job_name": job, "static_configs": targets} for job, targets in jobs.items()]}
        prometheus = self.write("config/prometheus.yaml", json.dumps(config, indent=1))
        alerts = self.write("config/alertmanager.yaml", json.dumps({
            "route": {"receiver": "note", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s",
                      "repeat_interval": "1h"},
            "receivers": [{"name": "note", "webhook_configs": [
                {"url": self.url("alerts", "/"), "send_resolved": True}]}]}))
        return [node,
                Process("alert-notes", [sys.executable, str(HERE / "alert_notes.py"),
                                        str(self.port("alerts")), str(self.dir / "alerts.jsonl")]),
                Process("alertmanager", [
                    "prometheus-alertmanager", f"--config.file={alerts}", "--cluster.listen-address=",
                    f"--storage.path={self.folder('alertmanager')}",
                    f"--web.listen-address=127.0.0.1:{self.port('alertmanager')}"],
                    ready=self.url("alertmanager", "/-/ready")),
                Process("prometheus", [
                    "prometheus", f"--config.file={prometheus}",
                    f"--storage.tsdb.path={self.folder('prometheus')}", "--storage.tsdb.retention.time=6h",
                    f"--web.listen-address=127.0.0.1:{self.port('prometheus')}"],
                    ready=self.url("prometheus", "/-/ready"))]
