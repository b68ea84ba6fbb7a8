"""The stores of the cluster on one machine: etcd, PostgreSQL under Patroni, Redis with Sentinel, an S3 server."""

import json
import pathlib
import shutil
import subprocess
import urllib.parse

from plan import HERE, ROOT, Process

POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
S3_KEYS = {"AWS_ACCESS_KEY_ID": "testaccess", "AWS_SECRET_ACCESS_KEY": "testsecret123456"}


def etcd(plan):
    cluster = ",".join(f"etcd-{i}={plan.url(f'etcd-peer-{i}')}" for i in range(3))
    for i in range(3):
        client, peer = plan.url(f"etcd-{i}"), plan.url(f"etcd-peer-{i}")
        yield Process(f"etcd-{i}", [
            "etcd", f"--name=etcd-{i}", f"--data-dir={plan.folder(f'etcd-{i}')}", "--unsafe-no-fsync",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={cluster}", "--initial-cluster-token=rwp", "--log-level=error"],
            ready=client + "/health")


def backrest_config(plan, i):
    """What archives the WAL of postgres-`i`, and backs it up, into the S3 server."""
    folder = plan.folder(f"postgres-{i}", postgres=True)
    return plan.write(f"config/pgbackrest-{i}.conf", f"""[global]
repo1-type=s3
repo1-path=/postgres
repo1-s3-bucket=archives
repo1-s3-endpoint=127.0.0.1
repo1-storage-port={plan.port('s3-tls')}
repo1-storage-verify-tls=n
repo1-s3-uri-style=path
repo1-s3-region=us-east-1
repo1-s3-key={S3_KEYS['AWS_ACCESS_KEY_ID']}
repo1-s3-key-secret={S3_KEYS['AWS_SECRET_ACCESS_KEY']}
repo1-retention-full-type=time
repo1-retention-full=30
repo1-bundle=y
start-fast=y
compress-type=zst
log-level-file=off
log-level-console=warn
lock-path={folder}/lock
spool-path={folder}/spool
[rwp]
pg1-path={folder}/data
pg1-port={plan.port(f'postgres-{i}')}
pg1-socket-path={folder}
""")


def postgres(plan):
    hosts = ",".join(f"127.0.0.1:{plan.port(f'etcd-{i}')}" for i in range(3))
    for i in range(3):
        name = f"postgres-{i}"
        folder = plan.folder(name, postgres=True)
        backrest = backrest_config(plan, i)
        settings = {
            "scope": "rwp", "name": name, "namespace": "/service/",
            "restapi": {"listen": f"127.0.0.1:{plan.port(f'patroni-{i}')}",
                        "connect_address": f"127.0.0.1:{plan.port(f'patroni-{i}')}"},
            "etcd3": {"hosts": hosts},
            "bootstrap": {
                "dcs": {"ttl": 20, "loop_wait": 5, "retry_timeout": 5,
                        "maximum_lag_on_failover": 1048576, "synchronous_mode": True,
                        "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": {
                            "max_connections": 200, "wal_log_hints": "on", "shared_buffers": "64MB",
                            "archive_mode": "on", "archive_timeout": 5}}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
                "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust",
                           "host replication all 127.0.0.1/32 trust"]},
            "postgresql": {
                "listen": f"127.0.0.1:{plan.port(name)}",
                "connect_address": f"127.0.0.1:{plan.port(name)}", "bin_dir": str(POSTGRES),
                "data_dir": str(folder / "data"), "pgpass": str(folder / "pgpass"),
                "authentication": {"superuser": {"username": "postgres"},
                                   "replication": {"username": "replicator"},
                                   "rewind": {"username": "rewinder"}},
                "parameters": {
                    "unix_socket_directories": str(folder),
                    "archive_command": f"test ! -e {plan.dir}/hold/archive && "
                                       f"pgbackrest --config={backrest} --stanza=rwp archive-push %p"}}}
        # JSON is YAML.
        path = plan.write(f"config/{name}.yml", json.dumps(settings, indent=1))
        yield Process(name, ["patroni", str(path)], as_postgres=True,
                      ready=plan.url(f"patroni-{i}", "/readiness"), after=("etcd-0", "etcd-1", "etcd-2"))
        yield Process(
            f"postgres-exporter-{i}",
            ["prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{plan.port(f'pgx-{i}')}",
             f"--extend.query-path={ROOT}/deploy/kubernetes/base/postgres/postgres-queries.yaml"],
            {"DATA_SOURCE_NAME": f"postgresql://postgres@127.0.0.1:{plan.port(name)}/postgres?sslmode=disable"},
            scraped=("postgres", f"pgx-{i}"))
    yield Process("backups", ["bash", str(HERE / "backups.sh"), str(plan.dir),
                              *(plan.url(f"patroni-{i}", "/primary") for i in range(3))],
                  as_postgres=True, after=("schema",))


def redis_server(plan):
    """Debian's redis-tools has the server, under the name by which it checks files."""
    link = plan.folder("bin") / "redis-server"
    if not link.is_symlink():
        link.symlink_to(shutil.which("redis-check-rdb") or "/usr/bin/redis-check-rdb")
    return str(link)


def redis(plan):
    server = redis_server(plan)
    for i in range(3):
        folder = plan.folder(f"redis-{i}")
        config = (f"port {plan.port(f'redis-{i}')}\nbind 127.0.0.1\ndir {folder}\nappendonly yes\n"
                  "maxmemory 512mb\nmaxmemory-policy noeviction\n"
                  "min-replicas-to-write 1\nmin-replicas-max-lag 10\n")
        if i > 0:
            config += f"replicaof 127.0.0.1 {plan.port('redis-0')}\n"
        # Sentinel rewrites it when it moves the master.
        path = plan.dir / f"config/redis-{i}.conf"
        if not path.exists():
            plan.write(f"config/redis-{i}.conf", config)
        yield Process(f"redis-{i}", [server, str(path)])
        path = plan.dir / f"config/sentinel-{i}.conf"
        if not path.exists():
            plan.write(f"config/sentinel-{i}.conf",
                       f"port {plan.port(f'sentinel-{i}')}\nbind 127.0.0.1\ndir {folder}\n"
                       f"sentinel monitor rwp 127.0.0.1 {plan.port('redis-0')} 2\n"
                       "sentinel down-after-milliseconds rwp 5000\nsentinel failover-timeout rwp 20000\n"
                       "sentinel parallel-syncs rwp 1\n")
        yield Process(f"sentinel-{i}", [server, str(path), "--sentinel"], after=(f"redis-{i}",))


def s3(plan):
    ports = [str(plan.port(name)) for name in ("ceph-mon-2", "ceph-mon-1", "s3", "s3-tls")]
    folder = plan.dir / "s3"
    # It ends when its input does, which a pipe that it holds open itself never does.
    script = 'rm -rf "$1" && mkdir -p "$1" && mkfifo "$1/input" && exec bash "$0" "$@" <>"$1/input"'
    yield Process("s3", ["bash", "-c", script, str(ROOT / "tests/support/radosgw.sh"), str(folder), *ports],
                  ready=plan.url("s3", "/"))


def psql(plan, statement, database="postgres", name="postgres-0"):
    done = subprocess.run(["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(plan.port(name)), "-U", "postgres",
                           "-d", database, "-c", statement], text=True, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


def jobs_url(plan):
    databases = ",".join(f"127.0.0.1:{plan.port(f'postgres-{i}')}" for i in range(3))
    return (f"tiered:postgres://postgres@{databases}/rwp?target_session_attrs=read-write&connect_timeout=2"
            f"&patience=60s,{redis_url(plan)}")


def redis_url(plan):
    sentinels = ",".join(f"127.0.0.1:{plan.port(f'sentinel-{i}')}" for i in range(3))
    return f"redis-sentinel://{sentinels}/rwp"


def objects_url(plan):
    endpoint = urllib.parse.quote(plan.url("s3"), safe=":/")
    return f"s3://objects/rwp?endpoint={endpoint}"
