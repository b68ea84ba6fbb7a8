#!/usr/bin/env python3
"""What check_layering.py refuses and what it lets pass."""

import pathlib
import tempfile
import unittest

import check_layering


class Layering(unittest.TestCase):
    def problems(self, **files):
        """Of a tree with these files; "__" stands for "/" and the suffix is .hpp."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder).resolve()
            for name, text in files.items():
                path = root / (name.replace("__", "/") + ".hpp")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text + "\n", encoding="utf-8")
            return check_layering.check(root)

    def assert_refused(self, reason, **files):
        problems = self.problems(**files)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(reason, problems[0])

    def test_lower_layer_is_allowed(self):
        self.assertEqual(self.problems(
            include__rwp__jobs__a="#include <rwp/core/b.hpp>",
            src__jobs_sqlite__c="#include <rwp/jobs/a.hpp>",
            src__pods__d="#include <rwp/jobs_sqlite/c.hpp>"), [])

    def test_upwards_is_refused(self):
        self.assert_refused("upwards", src__core__a="#include <rwp/jobs/b.hpp>")

    def test_another_domain_is_refused(self):
        self.assert_refused("sideways", src__jobs__a="#include <rwp/storage/b.hpp>")

    def test_ai_spools_through_jobs_but_not_the_reverse(self):
        self.assertEqual(self.problems(src__ai__a="#include <rwp/jobs/b.hpp>"), [])
        self.assert_refused("sideways", src__jobs__a="#include <rwp/ai/b.hpp>")

    def test_another_backend_is_refused(self):
        self.assert_refused("sideways", src__jobs_tiered__a="#include <rwp/jobs_postgres/b.hpp>")

    def test_a_backend_of_one_domain_keeps_off_the_others(self):
        self.assert_refused("another domain", src__jobs_sqlite__a="#include <rwp/storage/b.hpp>")

    def test_private_headers_count_by_their_folder(self):
        self.assert_refused("sideways", src__net__sqlite__a="",
                            src__net__redis__b='#include "net/sqlite/a.hpp"')
        self.assert_refused("upwards", src__jobs__a="", src__net__sqlite__b='#include "../../jobs/a.hpp"')

    def test_the_library_does_not_include_testing(self):
        self.assert_refused("testing", src__jobs__a="#include <rwp/testing/b.hpp>")
        self.assertEqual(self.problems(src__testing_jobs__a="#include <rwp/testing/b.hpp>"), [])

    def test_public_header_names_no_third_party(self):
        self.assert_refused("public header", include__rwp__jobs__a="#include <sqlite3.h>")
        self.assert_refused("json_fwd", include__rwp__jobs__a="#include <nlohmann/json.hpp>")
        self.assertEqual(self.problems(
            include__rwp__jobs__a="#include <nlohmann/json_fwd.hpp>",
            src__jobs__b="#include <sqlite3.h>"), [])

    def test_unknown_component_is_refused(self):
        self.assert_refused("no layer", src__jobs__a="#include <rwp/util/b.hpp>")

    def test_only_pods_reads_the_environment(self):
        self.assert_refused("environment", src__jobs__a='auto home = std::getenv("HOME");')
        self.assertEqual(self.problems(src__pods__a='auto home = std::getenv("HOME");'), [])


if __name__ == "__main__":
    unittest.main()
