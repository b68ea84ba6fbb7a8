"""What a cluster needs once its stores are up: buckets, archive, database, schema, JobAdder's tokens."""

import os
import subprocess

import parts
import stores

BUCKETS = ("objects", "archives")


def run(plan, *command, **options):
    return subprocess.run([str(c) for c in command], check=True, timeout=120, stdout=subprocess.DEVNULL, **options)


def prepare(plan):
    """Buckets, archive, database and schema, for a cluster whose stores are up."""
    for bucket in BUCKETS:
        run(plan, "s3cmd", "-q", "-c", "/dev/null", "--no-ssl", f"--access_key={stores.S3_KEYS['AWS_ACCESS_KEY_ID']}",
            f"--secret_key={stores.S3_KEYS['AWS_SECRET_ACCESS_KEY']}", f"--host=127.0.0.1:{plan.port('s3')}",
            f"--host-bucket=127.0.0.1:{plan.port('s3')}", "mb", f"s3://{bucket}")
    as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] if os.getuid() == 0 else []
    run(plan, *as_owner, "pgbackrest", f"--config={plan.dir}/config/pgbackrest-0.conf", "--stanza=rwp",
        "stanza-create", cwd="/tmp")
    stores.psql(plan, "CREATE DATABASE rwp")
    run(plan, plan.programs / "rwpctl", "migrate", env=os.environ | parts.settings(plan))
    if (plan.programs / "fake_jobadder").exists():
        login(plan)


def login(plan):
    """Signs in at JobAdder, as a person with a browser."""
    process = subprocess.Popen(
        [plan.programs / "rwpctl", "jobadder", "login", "--tenant", "local", "--port", "0", "--timeout", "100s"],
        text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | parts.settings(plan))
    try:
        address = ""
        while not address.startswith("http"):
            address = process.stderr.readline()
            if not address:
                raise RuntimeError("rwpctl jobadder login ended without an address")
        # It leads to rwpctl's own page, with a code.
        run(plan, "curl", "-sfL", "-m", "60", address.strip())
        if process.wait(60) != 0:
            raise RuntimeError("rwpctl jobadder login failed: " + process.stderr.read())
    finally:
        process.kill()
