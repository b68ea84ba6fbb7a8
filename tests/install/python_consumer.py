"""The package as it was installed: found, typed, and at work.

usage: python_consumer.py PACKAGES_DIRECTORY
"""

import pathlib
import sys

import rwp

packages = pathlib.Path(sys.argv[1])
assert pathlib.Path(rwp.__file__).is_relative_to(packages), rwp.__file__
assert (packages / "rwp/py.typed").is_file() and not (packages / "rwp/_native.pyi").is_symlink()
client = rwp.Client("memory:")
worker = rwp.Worker(client)
worker.handler("greet")(lambda job: "hello " + job.payload)
with worker:
    assert client.result(client.submit("greet", "world").id, 60) == "hello world"
# Under /usr/local, Debian's Python finds it without being told.
usual = pathlib.Path("/usr/local", *packages.parts[-3:])
assert str(usual) in sys.path or not pathlib.Path("/etc/debian_version").exists(), sys.path
