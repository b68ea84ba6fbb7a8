"""Redis' server, which Debian's redis-tools has under the name by which it checks files."""

import pathlib
import shutil


def is_installed():
    return bool(shutil.which("redis-server") or shutil.which("redis-check-rdb"))


def server(folder):
    """The program; where nobody has linked it, by a link in `folder`."""
    found = shutil.which("redis-server")
    if found:
        return found
    link = pathlib.Path(folder) / "redis-server"
    if not link.is_symlink():
        link.symlink_to(shutil.which("redis-check-rdb"))
    return str(link)
