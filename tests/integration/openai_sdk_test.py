#!/usr/bin/env python3
"""Lets the official openai SDK, unchanged, talk to ai_pod.

usage: openai_sdk_test.py AI_POD API_POD SCRIPTED_AI_POD CACHE_FOLDER

The SDK is installed with `npm ci` into CACHE_FOLDER once for each lock file.
"""

import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import logged_pod

AI_POD, API_POD, SCRIPTED, CACHE = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
HERE = pathlib.Path(__file__).resolve().parent / "openai_sdk"


def install():
    """The folder with the SDK and the driver."""
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = CACHE / digest
    done = folder / "installed"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "drive.mjs"):
        shutil.copy(HERE / name, folder / name)
    if done.exists():
        return folder
    for attempt in range(3):
        result = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder, text=True, capture_output=True, timeout=90, check=False)
        if result.returncode == 0:
            done.touch()
            return folder
        print(f"npm ci, try {attempt + 1}: {result.stdout}{result.stderr}")
    raise AssertionError("the SDK could not be installed")


class OpenAiSdkTest(unittest.TestCase):
    def test_official_sdk_gets_answers_and_typed_errors(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-sdk-")
        self.addCleanup(folder.cleanup)
        here = pathlib.Path(folder.name)
        sdk = install()
        keys = here / "keys.jsonl"
        good = logged_pod.new_key(API_POD, keys, "acme", "ai:use")
        other = logged_pod.new_key(API_POD, keys, "acme", "jobs:read")
        pod = logged_pod.start(self, AI_POD, here, "--api-keys-file", keys)
        limited = logged_pod.start(self, SCRIPTED, here, "--api-keys-file", keys,
                                    "--ai-url", "scripted:limited")
        broken = logged_pod.start(self, SCRIPTED, here, "--api-keys-file", keys,
                                   "--ai-url", "scripted:broken")

        driven = subprocess.run(
            ["node", "drive.mjs", pod.url + "/v1", good, other, limited.url + "/v1",
             broken.url + "/v1"],
            cwd=sdk, text=True, capture_output=True, timeout=60, check=False)

        print(driven.stdout)
        self.assertEqual(driven.returncode, 0, driven.stdout + driven.stderr)
        self.assertEqual(driven.stdout.count("ok  "), 14, driven.stdout)
        for one in (pod, limited, broken):
            for key in (good, other, "sk-wrong"):
                self.assertNotIn(key, one.log())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
