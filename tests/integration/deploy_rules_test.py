#!/usr/bin/env python3
"""Rules, alerts, dashboard, runbooks and the page of metrics: promtool's tests pass and leave no alert
out, and whatever a query names exists.

usage: deploy_rules_test.py ROOT
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
OBSERVABILITY = ROOT / "deploy/observability"
sys.path.insert(0, str(OBSERVABILITY))

import dashboard
import metrics
import promql
import rules


def all_rules():
    return [rule for group in rules.groups() for rule in group["rules"]]


class RuleTest(unittest.TestCase):
    def promtool(self, *arguments, cwd):
        result = subprocess.run(["promtool", *arguments], cwd=cwd, text=True, capture_output=True,
                                timeout=280)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def test_promtools_tests_pass_and_leave_no_alert_out(self):
        with tempfile.TemporaryDirectory(prefix="rwp-rules-") as folder:
            here = pathlib.Path(folder)
            made = subprocess.run([sys.executable, OBSERVABILITY / "rules.py", "--plain"], text=True,
                                  capture_output=True, check=True, timeout=60)
            (here / "rules.yaml").write_text(made.stdout)
            fires, silent = set(), set()
            for name in ("rules_test.yaml", "rules_long_test.yaml"):
                text = (OBSERVABILITY / name).read_text()
                (here / name).write_text(text)
                for test in yaml.safe_load(text)["tests"]:
                    for of_alert in test.get("alert_rule_test", []):
                        (fires if of_alert["exp_alerts"] else silent).add(of_alert["alertname"])
            self.promtool("check", "rules", "rules.yaml", cwd=here)
            self.promtool("test", "rules", "rules_test.yaml", "rules_long_test.yaml", cwd=here)

        alerts = {rule["alert"] for rule in all_rules() if "alert" in rule}
        self.assertGreaterEqual(len(alerts), 20)
        self.assertEqual(alerts - fires, set(), "no test lets these fire")
        self.assertEqual(alerts - silent, set(), "no test lets these not fire")

    def test_rules_on_another_scale_are_rules(self):
        with tempfile.TemporaryDirectory(prefix="rwp-rules-") as folder:
            made = subprocess.run([sys.executable, OBSERVABILITY / "rules.py", "--scale", "60"], text=True,
                                  capture_output=True, check=True, timeout=60)
            (pathlib.Path(folder) / "rules.yaml").write_text(made.stdout)
            self.promtool("check", "rules", "rules.yaml", cwd=folder)
        self.assertEqual(rules.scaled_expression("rate(a[5m] offset 1h) > 3 * 60 * 60 or b > 5 * 60", 60),
                         "rate(a[5s] offset 60s) > 3 * 60 * 1 or b > 5 * 1")

    def test_the_asked_alerts_are_there_with_their_numbers(self):
        found = {rule["alert"]: rule for rule in all_rules() if "alert" in rule}
        for name, severity, number in (
                ("RwpAvailabilityLow", "critical", "> 0.001"), ("RwpErrorRateHigh", "critical", "> 0.01"),
                ("RwpProcessingDelay", "critical", "> 5 * 60"), ("RwpReplicationLag", "critical", "> 10"),
                ("RwpCpuHigh", "warning", "> 0.80"), ("RwpMemoryHigh", "warning", "> 0.85"),
                ("RwpDiskHigh", "warning", "> 0.85"), ("RwpQueueGrowth", "warning", "avg_over_time")):
            self.assertEqual(found[name]["labels"]["severity"], severity)
            self.assertIn(number, found[name]["expr"])

    def test_each_alert_has_its_runbook_and_each_runbook_its_alert(self):
        pages = {}
        for rule in all_rules():
            if "alert" in rule:
                pages.setdefault(rule["annotations"]["runbook"], []).append(rule["alert"])
        for page, alerts in pages.items():
            text = (ROOT / page).read_text()
            for alert in alerts:
                self.assertIn(f"`{alert}`", text)
            self.assertIn("## Look", text)
            self.assertIn("## Do", text)
        procedures = {"docs/runbooks/recovery.md", "docs/runbooks/README.md"}
        there = {str(path.relative_to(ROOT)) for path in (ROOT / "docs/runbooks").glob("*.md")}
        self.assertEqual(there - procedures, set(pages))


class NameTest(unittest.TestCase):
    """Whatever a query names is made by the code, by a listed exporter, or recorded by a rule."""

    recorded = {rule["record"]: rule for rule in all_rules() if "record" in rule}

    def problems(self, query):
        return promql.problems_of(query, set(self.recorded))

    def test_rules_panels_and_scalers_name_what_exists(self):
        queries = [rule["expr"] for rule in all_rules()]
        queries += [query for _, _, of_panel in dashboard.panels() for query, _ in of_panel]
        for path in sorted((ROOT / "deploy/kubernetes").rglob("*.yaml")):
            if "schemas" not in path.parts:
                queries += re.findall(r"^\s+query: ((?:sum|rwp)\S.*)$", path.read_text(), re.M)
        self.assertGreater(len(queries), 80)
        for query in queries:
            self.assertEqual(self.problems(query), [], query)

    def test_a_planted_name_or_label_is_found(self):
        self.assertEqual(self.problems("rate(rwp_http_requests_totall[5m])"),
                         ["rwp_http_requests_totall is nobody's metric"])
        self.assertEqual(self.problems("rwp_job_run_seconds"), ["rwp_job_run_seconds is nobody's metric"])
        self.assertEqual(self.problems('sum(rwp_queue_jobs{stat="ready"})'),
                         ["rwp_queue_jobs has no label stat"])
        self.assertEqual(self.problems("rwp:no_such:rule"), ["rwp:no_such:rule is nobody's metric"])
        self.assertEqual(self.problems('max by (queue) (rwp_queue_jobs{state="ready",namespace="x"}) > 2'), [])

    def test_dashboard_manifests_are_what_the_panels_make(self):
        for path, text in dashboard.files().items():
            self.assertEqual(path.read_text(), text, f"{path}: run dashboard.py --write")
        titles = {title for title, _, _ in dashboard.panels()}
        self.assertLessEqual({"API Response Time", "Processing Queue Length", "AI Processing Time"}, titles)

    def test_every_metric_of_the_code_is_understood_and_the_page_tells_of_no_other(self):
        self.assertGreater(len(metrics.metrics()), 50)
        made = set(metrics.page().splitlines())
        for line in metrics.PAGE.read_text().splitlines():
            self.assertIn(line, made, "run deploy/observability/metrics.py --write")


if __name__ == "__main__":
    unittest.main()
