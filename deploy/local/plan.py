"""What the cluster on one machine is made of: processes, ports, and where they keep their files."""

import dataclasses
import os
import pathlib
import pwd

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


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
