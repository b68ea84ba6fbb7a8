#!/usr/bin/env python3
"""rwpctl objects.

usage: rwpctl_objects_test.py RWPCTL API_POD WORKER_POD SOURCE_ROOT [unittest arguments]
"""

import unittest

import radosgw_process
from rwpctl_process import FAILED, USAGE, NOT_FOUND, REFUSED, FINDINGS, CtlTest, main


class ObjectsTest(CtlTest):
    DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"  # Of "foo".

    def put(self, key, content, *more):
        (self.here / "file").write_bytes(content)
        return self.json("objects", "put", key, "--file", "file", *more)

    def test_what_is_put_is_listed_and_read_back(self):
        put = self.put("a/1.bin", bytes(range(256)) * 20_000, "--content-type", "text/csv", "--meta", "k=v")
        self.assertEqual((put["key"], put["size_bytes"], put["content_type"], put["metadata"]),
                         ("a/1.bin", 5_120_000, "text/csv", {"k": "v"}))
        self.ctl("objects", "put", "a/2", "--file", "-", stdin="from a pipe")
        self.put("b", b"")
        listed = self.json("objects", "ls", "a/", "--limit", "1")
        self.assertEqual(([one["key"] for one in listed["objects"]], listed["more"]), (["a/1.bin"], True))
        self.assertEqual([one["key"] for one in self.rows("objects", "ls", "--all")], ["a/1.bin", "a/2", "b"])
        self.ctl("objects", "get", "a/1.bin", "--file", "back")
        self.assertEqual((self.here / "back").read_bytes(), bytes(range(256)) * 20_000)
        self.assertEqual(self.ctl("objects", "get", "a/2", "--file", "-").stdout, "from a pipe")
        self.assertIn("there is an", self.ctl("objects", "put", "b", "--file", "file", "--only-if-absent",
                                              code=FAILED).stderr)

    def test_slips_are_told_and_change_nothing(self):
        for arguments, meant in ((("ls",), "RWP_OBJECTS_URL"), (("get", "a", "--file", "x"), "RWP_OBJECTS_URL"),
                                 (("verify",), "RWP_OBJECTS_URL")):
            self.assertIn(meant, self.ctl("objects", *arguments, code=NOT_FOUND).stderr)
        self.assertEqual(list(self.here.iterdir()), [])
        self.put("a", b"x")
        for arguments, code, meant in (
                (("get", "a"), USAGE, "--file"), (("put", "a"), USAGE, "--file"),
                (("get", "--file", "x"), USAGE, "key"), (("ls", "--limit", "0"), USAGE, "--limit"),
                (("put", "a", "--file", "file", "--meta", "x"), USAGE, "NAME=VALUE"),
                (("put", "../a", "--file", "file"), USAGE, ".."), (("get", "b", "--file", "x"), NOT_FOUND, "b"),
                (("put", "b", "--file", "none"), NOT_FOUND, "none")):
            with self.subTest(arguments):
                self.assertIn(meant, self.ctl("objects", *arguments, code=code).stderr)
        self.assertFalse((self.here / "x").exists())
        self.assertFalse((self.here / "x.part").exists())

    def test_content_that_is_not_what_its_key_names_is_found(self):
        key = f"ai-results/t/job/{self.DIGEST}.json"
        self.put(key, b"foo")
        self.put("other", b"foo")
        told = self.json("objects", "verify")
        self.assertEqual(told["summary"], {"objects": 2, "with_digest": 1, "findings": 0})
        self.put(key, b"bar")
        told = self.json("objects", "verify", "ai-results/", code=FINDINGS)
        self.assertEqual([(one["kind"], one["key"]) for one in told["findings"]], [("object_corrupt", key)])

    @unittest.skipUnless(radosgw_process.is_installed(), "Ceph is not installed")
    def test_objects_lie_in_s3_as_well(self):
        bucket = radosgw_process.RadosgwProcess(self, self.here)
        (self.here / "secret").write_text("testsecret123456\n")
        self.environment |= {"RWP_OBJECTS_URL": bucket.url("ctl"),
                             "AWS_ACCESS_KEY_ID": "testaccess", "AWS_SECRET_ACCESS_KEY_FILE": "secret"}
        self.put(f"archives/t/2026/{self.DIGEST}.txt", b"foo")
        self.assertEqual(self.ctl("objects", "get", f"archives/t/2026/{self.DIGEST}.txt", "--file", "-").stdout,
                         "foo")
        self.assertEqual(self.json("objects", "verify")["summary"]["with_digest"], 1)
        self.assertNotIn("testsecret123456", self.ctl("config").stdout)
        self.assertIn("AccessKey", self.ctl("objects", "ls", code=REFUSED, AWS_ACCESS_KEY_ID="nobody").stderr)


if __name__ == "__main__":
    main()
