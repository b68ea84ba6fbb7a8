#!/usr/bin/env python3
"""rwpctl costs.

usage: rwpctl_costs_test.py RWPCTL API_POD WORKER_POD SOURCE_ROOT [unittest arguments]
"""

import json
import os
import time

from rwpctl_process import DONE, USAGE, CtlTest, main

RATES = {"usd_per_core_hour": 0.1, "usd_per_gib_hour": 0, "usd_per_stored_gib_month": 0.02,
         "pods": [{"name": "api", "replicas": 1, "cores": 1, "gib": 1}]}


class CostsTest(CtlTest):
    def setUp(self):
        super().setUp()
        for tenant, count in (("acme", 3), ("globex", 1)):
            for _ in range(count):
                self.ctl("jobs", "submit", "--kind", "k", "--tenant", tenant)
        now = int(time.time() * 1000)
        self.book("acme", source=0, calls=1, cost=2_000_000, at=now)
        self.book("acme", source=1, calls=1, cost=500_000, saved=500_000, at=now)
        self.book("acme", source=2, calls=8, cost=0, saved=900_000, at=now)
        # Of a time long ago.
        self.book("acme", source=0, calls=1, cost=9_000_000, at=now - 400 * 86_400_000)
        (self.here / "file").write_bytes(b"x" * 1000)
        for key in ("reports/acme/2026/a.json", "enriched/7.json"):
            self.ctl("objects", "put", key, "--file", "file")
        (self.here / "rates.json").write_text(json.dumps(RATES))

    def book(self, tenant, source, calls, cost, at, saved=0):
        self.sql("INSERT INTO usage (id, tenant, kind, model, input_tokens, output_tokens, micro_usd, at,"
                 f" source, calls, saved_micro_usd) VALUES (x'{os.urandom(16).hex()}', '{tenant}', 'k',"
                 f" 'm', 10, 1, {cost}, {at}, {source}, {calls}, {saved})")

    def test_month_is_told_by_tenant_and_per_thousand_jobs(self):
        told = self.json("costs", "report", "--rates", "rates.json")
        tenants = {row["tenant"]: row for row in told["tenants"]}
        acme = tenants["acme"]
        self.assertEqual((acme["jobs"], acme["answers"], acme["ai_usd"]), (3, 10, 2.5))
        self.assertEqual((acme["cache_share"], acme["saved_by_cache_usd"]), (0.8, 0.9))
        self.assertEqual((acme["batch_share"], acme["saved_by_batch_usd"]), (0.1, 0.5))
        self.assertEqual(acme["stored_bytes"], 1000)
        self.assertEqual(tenants[""]["stored_bytes"], 1000)
        total = told["total"]
        # Both are rounded to the millionth.
        self.assertAlmostEqual(acme["compute_usd"], total["compute_usd"] * 3 / 4, places=5)
        self.assertAlmostEqual(acme["usd_per_1000_jobs"], acme["total_usd"] / 3 * 1000, places=2)
        self.assertEqual(total["jobs"], 4)
        self.assertIn("acme", self.ctl("costs", "report").stdout)
        only = self.json("costs", "report", "--tenant", "globex", "--no-objects")
        self.assertEqual([row["tenant"] for row in only["tenants"]], ["globex"])

    def test_another_month_is_another_report_and_slips_are_told(self):
        self.assertEqual(self.json("costs", "report", "--month", "2020-01", "--no-objects")["tenants"], [])
        self.ctl("costs", "report", "--month", "previous", "--no-objects", code=DONE)
        for arguments, meant in ((("--month", "2026-13"), "--month"), (("--month", "x"), "2026-11"),
                                 (("--month", "2199-01"), "not begun"), (("--rates", "none"), "none")):
            self.assertIn(meant, self.ctl("costs", "report", *arguments, code=USAGE).stderr)
        (self.here / "rates.json").write_text(json.dumps(RATES | {"usd_per_core_hour": -1}))
        self.assertIn("usd_per_core_hour",
                      self.ctl("costs", "report", "--rates", "rates.json", code=USAGE).stderr)


if __name__ == "__main__":
    main()
