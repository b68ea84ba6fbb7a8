#!/usr/bin/env python3
"""The simulator of the autoscalers: its rules are those of the manifests, and its arithmetic holds.

usage: deploy_capacity_test.py ROOT
"""

import pathlib
import sys
import unittest

import yaml

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(ROOT / "deploy/capacity"))

import simulate


class SimulateTest(unittest.TestCase):
    of = simulate.rates()

    def run_day(self, trace, unbounded=False):
        steps = simulate.simulate(trace, self.of, unbounded)
        return steps, simulate.sums(steps, self.of)

    def test_rules_are_the_manifests(self):
        found = simulate.autoscalers(self.of, False)
        self.assertEqual({name: (s.least, s.most) for name, s in found.items()},
                         {"api": (3, 10), "worker": (5, 20), "ai": (3, 10)})
        self.assertEqual(found["worker"].thresholds[0] * found["worker"].least, 1000)

    def test_what_a_pod_is_is_the_manifests(self):
        platform = ROOT / "deploy/kubernetes/base/platform"
        for name, cores in simulate.REQUESTED_CORES.items():
            of_pod = next(d for d in yaml.safe_load_all((platform / f"{name}.yaml").read_text())
                          if d["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]
            self.assertEqual(float(of_pod["resources"]["requests"]["cpu"]), cores, name)
            if name == "worker":
                places = {e["name"]: e.get("value") for e in of_pod["env"]}["RWP_CONCURRENCY"]
                self.assertEqual(float(places), self.of["worker_concurrency"])
        self.assertEqual(simulate.autoscalers(self.of, False)["api"].response_target, 0.2)

    def test_todays_load_needs_the_minimum_and_nobody_waits(self):
        today = self.of["jobs_a_day"] / simulate.DAY
        _, sums = self.run_day([value * today for value in simulate.default_trace()])
        self.assertEqual((sums["api"], sums["worker"], sums["ai"]), (3, 5, 3))
        self.assertEqual(sums["wait_max"], 0)
        self.assertAlmostEqual(sums["jobs"], self.of["jobs_a_day"], delta=1)

    def test_no_job_is_made_or_lost(self):
        trace = [500.0] * 200 + [0.0] * 400
        steps, sums = self.run_day(trace)
        self.assertAlmostEqual(sums["jobs"] + sums["left"], sum(trace) * simulate.STEP, delta=1)

    def test_a_burst_brings_workers_and_its_end_takes_them_away_slowly(self):
        steps, _ = self.run_day([1.0] * 100 + [400.0] * 40 + [1.0] * 2000)
        pods = [step["worker"] for step in steps]
        self.assertEqual(max(pods), 20)
        self.assertEqual(pods[-1], 5)
        self.assertTrue(all(before - after <= 1 for before, after in zip(pods, pods[1:])))

    def test_maxima_hold_and_without_them_the_load_is_carried(self):
        trace = [2_000.0] * 2000
        steps, sums = self.run_day(trace)
        self.assertEqual(max(step["worker"] for step in steps), 20)
        self.assertGreater(sums["left"], 1e6)
        _, unbounded = self.run_day(trace, unbounded=True)
        self.assertLess(unbounded["left"], 1e5)


if __name__ == "__main__":
    unittest.main()
