#!/usr/bin/env python3
"""deploy/recovery/objects_backup.sh on folders, which rclone takes as well as an object store.

usage: deploy_objects_backup_test.py ROOT
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(sys.argv.pop(1)).resolve() / "deploy/recovery/objects_backup.sh"


class ObjectsBackupTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="rwp-objects-backup-")
        self.addCleanup(temporary.cleanup)
        self.here = pathlib.Path(temporary.name)
        self.source, self.target = self.here / "source", self.here / "target"
        self.source.mkdir()

    def run_script(self, *arguments):
        return subprocess.run(["bash", SCRIPT, *arguments], text=True, capture_output=True, timeout=300,
                              env=os.environ | {"RCLONE_CONFIG": str(self.here / "rclone.conf")})

    def back_up(self):
        return self.run_script("backup", self.source, self.target)

    def test_more_objects_than_a_pipe_holds_are_backed_up_and_restored(self):
        names = {f"{number:03}-" + "x" * 200 for number in range(600)}
        for name in names:
            (self.source / name).write_text(name)
        done = self.back_up()
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_script("restore", self.target, self.here / "restored")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({path.name for path in (self.here / "restored").iterdir()}, names)

    def test_what_was_replaced_is_kept(self):
        (self.source / "one").write_text("old")
        self.assertEqual(self.back_up().returncode, 0)
        (self.source / "one").write_text("new")
        self.assertEqual(self.back_up().returncode, 0)
        self.assertEqual((self.target / "current/one").read_text(), "new")
        self.assertEqual([path.read_text() for path in self.target.glob("replaced/*/one")], ["old"])

    def test_an_empty_source_takes_nothing_away(self):
        (self.source / "one").write_text("kept")
        self.assertEqual(self.back_up().returncode, 0)
        (self.source / "one").unlink()
        done = self.back_up()
        self.assertEqual(done.returncode, 1)
        self.assertIn("is empty or not there", done.stderr)
        self.source.rmdir()
        self.assertEqual(self.back_up().returncode, 1)
        self.assertEqual((self.target / "current/one").read_text(), "kept")


if __name__ == "__main__":
    unittest.main()
