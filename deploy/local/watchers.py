"""What watches the cluster on one machine: Prometheus, Alertmanager, exporters, a collector of traces."""

import json
import subprocess
import sys

from plan import HERE, ROOT, Process

# What all times of the rules are divided by: an hour is a minute.
SCALE = 60


def watchers(plan, others):
    """They and what they watch: whatever of `others` is scraped."""
    rules = subprocess.run(
        [sys.executable, ROOT / "deploy/observability/rules.py", "--scale", str(SCALE)], text=True,
        capture_output=True, check=True).stdout
    plan.write("config/rules.yaml", rules)
    node = Process("node-exporter", [
        "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{plan.port('node')}",
        f"--collector.textfile.directory={plan.folder('metrics', postgres=True)}"], scraped=("node", "node"))
    jobs = {}
    for process in [*others, node]:
        if process.scraped:
            job, port = process.scraped
            jobs.setdefault(job, []).append(
                {"targets": [f"127.0.0.1:{plan.port(port)}"], "labels": {"namespace": "rwp",
                                                                        "pod": process.name}})
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(plan.dir / "config/rules.yaml")],
        "alerting": {"alertmanagers": [{"static_configs": [
            {"targets": [f"127.0.0.1:{plan.port('alertmanager')}"]}]}]},
        "scrape_configs": [{"job_name": job, "static_configs": targets} for job, targets in jobs.items()]}
    prometheus = plan.write("config/prometheus.yaml", json.dumps(config, indent=1))
    alerts = plan.write("config/alertmanager.yaml", json.dumps({
        "route": {"receiver": "note", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s",
                  "repeat_interval": "1h"},
        "receivers": [{"name": "note", "webhook_configs": [
            {"url": plan.url("alerts", "/"), "send_resolved": True}]}]}))
    return [node,
            Process("traces", [sys.executable, str(HERE / "trace_notes.py"), str(plan.port("traces")),
                               str(plan.dir / "traces.jsonl")], ready=plan.url("traces")),
            Process("alert-notes", [sys.executable, str(HERE / "alert_notes.py"),
                                    str(plan.port("alerts")), str(plan.dir / "alerts.jsonl")]),
            Process("alertmanager", [
                "prometheus-alertmanager", f"--config.file={alerts}", "--cluster.listen-address=",
                f"--storage.path={plan.folder('alertmanager')}",
                f"--web.listen-address=127.0.0.1:{plan.port('alertmanager')}"],
                ready=plan.url("alertmanager", "/-/ready")),
            Process("prometheus", [
                "prometheus", f"--config.file={prometheus}",
                f"--storage.tsdb.path={plan.folder('prometheus')}", "--storage.tsdb.retention.time=6h",
                f"--web.listen-address=127.0.0.1:{plan.port('prometheus')}"],
                ready=plan.url("prometheus", "/-/ready"))]
