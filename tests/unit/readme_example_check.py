"""The README's example is the program that is built, and does what the README says.

usage: readme_example_check.py PROJECT_DIRECTORY PROGRAM
"""

import pathlib
import subprocess
import sys
import tempfile


def main() -> int:
    project, program = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    example = (project / "examples/first_job/main.cpp").read_text()
    if example not in (project / "README.md").read_text():
        print("README.md does not hold examples/first_job/main.cpp as it is")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(2):  # The second time the file is there.
            ran = subprocess.run([program], cwd=directory, capture_output=True, text=True, timeout=60)
            if ran.returncode != 0 or ran.stdout != "hello world\n":
                print(f"the example ended with {ran.returncode}: {ran.stdout}{ran.stderr}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
