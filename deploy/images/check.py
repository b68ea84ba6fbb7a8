#!/usr/bin/env python3
"""Runs images that build.sh made as the cluster would: with runc, as user 10001, without capabilities, on a root
that cannot be written, in a network of its own.

usage: check.py [--version TAG] [IMAGE]...      api worker ai-processor analytics; all without an argument
Each must show its help, become healthy by its own health check, say yes to /ready, have written nothing
outside of /tmp, and end with 0 within its grace after SIGTERM. Needs root, Debian's buildah and runc.
Exit code 1 when one does not.
"""

import argparse
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

POD = {"RWP_DRAIN_DELAY": "1s", "RWP_DRAIN_GRACE": "5s", "RWP_LOG_FORMAT": "json"}
KEYS = POD | {"RWP_API_KEYS_FILE": "/tmp/keys"}
SETTINGS = {"api": KEYS, "worker": POD, "ai-processor": KEYS, "analytics": KEYS}
DEADLINE = 60


def run(*command, **options):
    return subprocess.run(command, text=True, capture_output=True, timeout=DEADLINE, **options)


def must(*command, **options):
    result = run(*command, **options)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


class Container:
    """An image's files, and what runc starts on them."""

    def __init__(self, image, version, folder):
        self.image = image
        self.folder = pathlib.Path(folder)
        self.name = must("buildah", "from", f"localhost/rwp/{image}:{version}").strip()
        self.id = f"rwp-check-{self.folder.name}"
        self.process = None
        try:
            self.look()
        except BaseException:
            # Nobody has it yet who would remove it.
            run("buildah", "rm", self.name)
            raise

    def look(self):
        self.root = must("buildah", "mount", self.name).strip()
        shown = json.loads(must("buildah", "inspect", self.name))["Docker"]["config"]
        self.user = shown["User"]
        self.entrypoint = shown["Entrypoint"]
        self.environment = shown["Env"]
        self.health = shown.get("Healthcheck", {}).get("Test", [])

    def write_config(self, arguments, settings):
        (self.folder / "config.json").unlink(missing_ok=True)
        must("runc", "spec", cwd=self.folder)
        path = self.folder / "config.json"
        config = json.loads(path.read_text())
        user, group = (int(number) for number in self.user.split(":"))
        config["root"] = {"path": self.root, "readonly": True}
        config["process"] |= {
            "terminal": False, "args": self.entrypoint + arguments, "cwd": "/tmp",
            "user": {"uid": user, "gid": group}, "noNewPrivileges": True,
            "env": self.environment + [f"{name}={value}" for name, value in settings.items()],
            "capabilities": {}}
        config["mounts"].append({
            "destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "nodev", "mode=1777", "size=256m"]})
        path.write_text(json.dumps(config))

    def start(self, arguments, settings):
        self.write_config(arguments, settings)
        self.log = open(self.folder / "log", "w+")
        self.process = subprocess.Popen(["runc", "run", "--bundle", str(self.folder), self.id],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def execute(self, *command):
        return run("runc", "exec", self.id, *command)

    def answers(self, *command):
        if self.process.poll() is not None:
            raise RuntimeError(f"ended with {self.wait()}")
        return self.execute(*command).returncode == 0

    def wait(self):
        code = self.process.wait(timeout=DEADLINE)
        self.log.seek(0)
        return code, self.log.read()

    def remove(self):
        try:
            if self.process and self.process.poll() is None:
                run("runc", "kill", self.id, "KILL")
                self.process.wait(timeout=DEADLINE)
            run("runc", "delete", "--force", self.id)
        finally:
            must("buildah", "rm", self.name)


def until(what, holds):
    end = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {DEADLINE} s: {what}")
        time.sleep(0.2)


def expect(holds, told):
    if not holds:
        raise RuntimeError(told)


def check(container):
    """What the image does, in a line; RuntimeError says what it does not."""
    expect(container.user == "10001:10001", f"its user is {container.user}")
    expect(container.health[:1] == ["CMD"], "has no health check")
    container.start(["--help"], {})
    code, text = container.wait()
    expect(code == 0 and "--listen" in text, f"--help ends with {code}: {text}")
    # An empty keys' file admits nobody, which is enough to be healthy.
    settings = SETTINGS[container.image]
    keys = settings.get("RWP_API_KEYS_FILE")
    if keys:
        program = container.entrypoint[0]
        container.entrypoint = ["/bin/sh", "-c", f'umask 077; : >{keys}; exec {program} "$@"', program]
    container.start([], settings)
    until("its health check says yes", lambda: container.answers(*container.health[1:]))
    until("/ready says yes", lambda: container.answers("curl", "-fsS", "http://127.0.0.1:3000/ready"))
    expect(container.execute("id", "-u").stdout.strip() == "10001", "does not run as 10001")
    missing = container.execute("sh", "-c", "ldd /usr/local/bin/* | grep 'not found'").stdout
    expect(not missing, f"its programs miss libraries: {missing}")
    status = container.execute("cat", "/proc/1/status").stdout
    for line in ("CapEff:\t0000000000000000", "NoNewPrivs:\t1"):
        expect(line in status, f"its status has no '{line}'")
    expect(container.execute("touch", "/usr/x").returncode != 0, "its root can be written")
    expect(container.execute("touch", "/var/tmp/x").returncode != 0, "/var/tmp can be written")
    began = time.monotonic()
    must("runc", "kill", container.id, "TERM")
    code, text = container.wait()
    took = time.monotonic() - began
    expect(code == 0, f"ends with {code} after SIGTERM: {text[-500:]}")
    return f"healthy, ready, ended {took:.1f} s after SIGTERM"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("image", nargs="*")
    arguments = parser.parse_args()
    failed = False
    # Told to end, it removes what it has made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for image in arguments.image or SETTINGS:
        folder = tempfile.mkdtemp(prefix="rwp-image-")
        container = None
        try:
            container = Container(image, arguments.version, folder)
            print(f"{image}: {check(container)}", flush=True)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"{image}: {error}", flush=True)
            failed = True
        finally:
            try:
                if container:
                    container.remove()
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"{image}: {error}", flush=True)
                failed = True
            shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
