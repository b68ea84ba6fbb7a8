#!/usr/bin/env python3
"""tests/second_tries.py forgives what it may, and nothing else. second_tries_test.py ROOT"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
FAILED = "1/9 Test #{0}: {1} .....***Failed    0.02 sec\n{2}\n\n"
PASSED = "    Test #{0}: {1} .....   Passed    0.01 sec\n"
END = "100% tests passed, 0 tests failed out of 9\n"


def judge(log, may_retry=(1, 2, 3, 4)):
    with tempfile.TemporaryDirectory() as folder:
        paths = pathlib.Path(folder, "log"), pathlib.Path(folder, "labelled")
        paths[0].write_text(log + END, encoding="utf-8")
        paths[1].write_text("".join(f"  Test #{n}: any\n" for n in may_retry), encoding="utf-8")
        done = subprocess.run([sys.executable, ROOT / "tests/second_tries.py", *paths], text=True,
                              capture_output=True, check=False, timeout=30)
        return done.returncode, done.stdout


class SecondTries(unittest.TestCase):
    def test_nothing_failed(self):
        self.assertEqual(judge(PASSED.format(1, "A.B")), (0, ""))

    def test_a_second_try_is_named_with_what_the_first_said(self):
        code, said = judge(FAILED.format(1, "A.B/0  # GetParam() = X", "noise\na.cpp:5: Failure\n  why")
                           + PASSED.format(1, "A.B/0  # GetParam() = X"))
        self.assertEqual(code, 0)
        self.assertEqual(said, "A.B/0  # GetParam() = X: passed at its second try; at the first it said:\n"
                               "  | a.cpp:5: Failure\n  |   why\n")

    def test_who_fails_twice_has_failed(self):
        code, said = judge(2 * FAILED.format(1, "A.B", "why"))
        self.assertEqual((code, said.splitlines()[-1]), (1, "failed: A.B"))

    def test_who_waits_for_nobody_has_one_try(self):
        self.assertEqual(judge(FAILED.format(7, "A.B", "why") + PASSED.format(7, "A.B"))[0], 1)

    def test_a_sanitizer_is_believed_at_once(self):
        for finding in ("==7==ERROR: AddressSanitizer: heap-use-after-free", "WARNING: ThreadSanitizer: data race",
                        "a.cpp:3:1: runtime error: signed integer overflow"):
            self.assertEqual(judge(FAILED.format(1, "A.B", finding) + PASSED.format(1, "A.B"))[0], 1, finding)

    def test_a_crash_is_a_failure_in_all_of_ctests_words(self):
        for word in ("***Exception: SegFault", "Child aborted***Exception:  "):
            log = f" 1/9 Test  #1: A.B ........{word}  0.02 sec\n\n"
            self.assertEqual(judge(log + PASSED.format(1, "A.B"))[0], 1, word)
        for word in ("***Failed ", "***Timeout ", "***Exception: SegFault", "***Exception: Numerical",
                     "Subprocess aborted***Exception:  ", "Bus error***Exception:  "):
            log = f" 1/9 Test  #1: A.B ........{word}  0.02 sec\nERROR: AddressSanitizer: x\n\n"
            self.assertEqual(judge(log + PASSED.format(1, "A.B"))[0], 1, word)

    def test_who_ran_twice_had_failed_whatever_ctest_said_of_it(self):
        start = "      Start 7: A.B\n"
        self.assertEqual(judge(start + "???\n" + start + PASSED.format(7, "A.B"))[0], 1)

    def test_four_second_tries_are_no_chance(self):
        def log(count):
            return "".join(FAILED.format(n, f"T.{n}", "why") + PASSED.format(n, f"T.{n}")
                           for n in range(1, count + 1))
        self.assertEqual([judge(log(3))[0], judge(log(4))[0]], [0, 1])


if __name__ == "__main__":
    unittest.main()
