#!/usr/bin/env python3
"""The dashboard `system-metrics`: its panels, and the manifests that are made from them.

usage: dashboard.py --write     writes base/platform/dashboard.yaml and optional/old-grafana-dashboard.yaml
       dashboard.py --check     exit code 1 when they are not what would be written
       dashboard.py --queries   each panel's queries, a line each: title, tab, query
"""

import argparse
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KUBERNETES = ROOT / "deploy/kubernetes"
NEW = KUBERNETES / "base/platform/dashboard.yaml"
OLD = KUBERNETES / "optional/old-grafana-dashboard.yaml"
ROUTES = 'job="api",route!~"/health|/ready|/metrics|none"'

# Row, then panels: title, unit, queries with their legends.
ROWS = [
    ("API", [
        ("API Response Time", "s", [
            (f'histogram_quantile(0.50, sum by (le) (rate(rwp_http_request_seconds_bucket{{{ROUTES}}}[5m])))', "p50"),
            ("max(rwp:api_response_seconds:p95)", "p95"),
            (f'histogram_quantile(0.99, sum by (le) (rate(rwp_http_request_seconds_bucket{{{ROUTES}}}[5m])))', "p99")]),
        ("Requests", "reqps", [
            (f'sum by (status) (rate(rwp_http_requests_total{{{ROUTES}}}[5m]))', "{{status}}")]),
        ("Failed requests", "percentunit", [
            ("max(rwp:api_errors:ratio_rate5m)", "5 minutes"), ("max(rwp:api_errors:ratio_rate1h)", "1 hour")]),
        ("Requests in flight", "short", [("sum by (job) (rwp_http_in_flight)", "{{job}}")]),
        ("Error budget left (30 days, 99.9 %)", "percentunit", [
            ("1 - max(rwp:api_errors:ratio_rate3d) / 0.001", "at the rate of three days")]),
    ]),
    ("Jobs", [
        ("Processing Queue Length", "short", [("sum by (queue) (rwp:queue_ready:jobs)", "{{queue}}")]),
        ("Processing delay", "s", [("max by (queue) (rwp:processing_delay:seconds)", "{{queue}}")]),
        ("Jobs by outcome", "ops", [
            ("sum by (outcome) (rate(rwp_jobs_finished_total[5m]))", "{{outcome}}")]),
        ("Run time, p95", "s", [
            ("histogram_quantile(0.95, sum by (kind, le) (rate(rwp_job_run_seconds_bucket[5m])))", "{{kind}}")]),
        ("Submit to claim, p95", "s", [
            ("histogram_quantile(0.95, sum by (kind, le) (rate(rwp_job_wait_seconds_bucket[5m])))", "{{kind}}")]),
        ("Handlers that run", "short", [("sum(rwp_worker_running)", "running"),
                                        ("sum(rwp_worker_prefetched)", "prefetched")]),
        ("Dead letters", "short", [
            ('max by (queue) (rwp_queue_jobs{state="failed"})', "{{queue}}")]),
    ]),
    ("AI", [
        ("AI Processing Time", "s", [
            ("histogram_quantile(0.50, sum by (operation, le) (rate(rwp_ai_call_seconds_bucket[5m])))", "{{operation}} p50"),
            ("histogram_quantile(0.95, sum by (operation, le) (rate(rwp_ai_call_seconds_bucket[5m])))", "{{operation}} p95")]),
        ("AI calls by outcome", "ops", [("sum by (code) (rate(rwp_ai_calls_total[5m]))", "{{code}}")]),
        ("AI spend an hour", "currencyUSD", [("sum(rwp:ai_cost:usd_rate1h) * 3600", "spend")]),
        ("Tokens", "short", [("sum by (direction) (rate(rwp_ai_tokens_total[5m]))", "{{direction}}")]),
        ("Calls that were not paid for", "percentunit", [
            ("sum by (source) (rate(rwp_ai_saved_calls_total[1h])) / on () group_left () sum(rate(rwp_ai_calls_total[1h]))", "{{source}}")]),
        ("Limits and budgets", "ops", [
            ("sum by (reason) (rate(rwp_ai_tenant_refused_total[5m]))", "tenant's limit: {{reason}}"),
            ("sum(rate(rwp_ai_budget_refused_total[5m]))", "budget spent"),
            ("max(rwp:ai_rate_limited:ratio_rate5m)", "share refused upstream")]),
    ]),
    ("Stores", [
        ("Replication lag", "s", [("max(rwp:replication_lag:seconds)", "slowest standby")]),
        ("PostgreSQL: claims, p95", "s", [
            ("histogram_quantile(0.95, sum by (le) (rate(rwp_postgres_claim_seconds_bucket[5m])))", "claim")]),
        ("PostgreSQL: transactions", "ops", [
            ('sum(rate(pg_stat_database_xact_commit{datname="rwp"}[5m]))', "commits"),
            ('sum(rate(pg_stat_database_xact_rollback{datname="rwp"}[5m]))', "rollbacks")]),
        ("PostgreSQL: size", "bytes", [('max(pg_database_size_bytes{datname="rwp"})', "rwp")]),
        ("PostgreSQL: dead rows, oldest snapshot", "short", [
            ("max by (table) (rwp_postgres_dead_rows)", "{{table}}"),
            ("max(rwp_postgres_oldest_snapshot_seconds)", "oldest snapshot, s")]),
        ("Redis: round trips, p95", "s", [
            ("histogram_quantile(0.95, sum by (le) (rate(rwp_redis_seconds_bucket[5m])))", "call")]),
    ]),
    ("Backups", [
        ("Age of the last backup", "s", [
            ("time() - max by (kind) (rwp_backup_last_success_timestamp_seconds)", "{{kind}}"),
            ("time() - max by (cronjob) (kube_cronjob_status_last_successful_time)", "{{cronjob}}"),
            ("time() - max(barman_cloud_cloudnative_pg_io_last_available_backup_timestamp > 0)", "the operator's")]),
        ("WAL to be archived", "short", [("max(pg_wal_archive_waiting_segments)", "segments that wait"),
                                         ("max(pg_stat_archiver_failed_count)", "attempts that failed"),
                                         ("max(cnpg_pg_stat_archiver_failed_count)", "the operator's that failed")]),
    ]),
    ("Nodes and pods", [
        ("CPU", "percentunit", [
            ('1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))', "{{instance}}")]),
        ("Memory", "percentunit", [
            ("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "{{instance}}")]),
        ("Disk", "percentunit", [
            ('1 - node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|squashfs|overlay"} / node_filesystem_size_bytes{fstype!~"tmpfs|ramfs|squashfs|overlay"}', "{{instance}} {{mountpoint}}")]),
        ("Pods that answer", "short", [("sum by (job) (up)", "{{job}}")]),
        ("Autoscalers", "short", [
            ("max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas)", "{{horizontalpodautoscaler}}")]),
        ("Alerts that fire", "short", [('sum by (alertname) (ALERTS{alertstate="firing"})', "{{alertname}}")]),
    ]),
]


def panels():
    return [(title, unit, queries) for _, of_row in ROWS for title, unit, queries in of_row]


def dashboard():
    source = {"type": "prometheus", "uid": "${datasource}"}
    made, y, number = [], 0, 1
    for row, of_row in ROWS:
        made.append({"id": number, "type": "row", "title": row, "collapsed": False, "panels": [],
                     "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        number += 1
        y += 1
        for i, (title, unit, queries) in enumerate(of_row):
            made.append({
                "id": number, "type": "timeseries", "title": title, "datasource": source,
                "gridPos": {"x": 8 * (i % 3), "y": y + 8 * (i // 3), "w": 8, "h": 8},
                "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
                "targets": [{"refId": chr(ord("A") + j), "datasource": source, "expr": query,
                             "legendFormat": legend} for j, (query, legend) in enumerate(queries)]})
            number += 1
        y += 8 * ((len(of_row) + 2) // 3)
    return {
        "uid": "rwp-system-metrics", "title": "system-metrics", "tags": ["rwp"], "schemaVersion": 39,
        "timezone": "utc", "refresh": "30s", "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus",
                                 "label": "Prometheus"}]},
        "panels": made}


def files():
    text = json.dumps(dashboard(), indent=1, ensure_ascii=False)
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    made = "# Made by deploy/observability/dashboard.py --write.\n"
    return {
        NEW: made + "apiVersion: grafana.integreatly.org/v1beta1\nkind: GrafanaDashboard\nmetadata:\n"
             "  name: system-metrics\n  labels:\n    app: rwp\nspec:\n  instanceSelector:\n    matchLabels:\n"
             "      dashboards: grafana\n  resyncPeriod: 5m\n  json: |\n" + indented,
        OLD: made + "# For the Grafana operator 4, which is past its end: not part of any overlay.\n"
             "apiVersion: integreatly.org/v1alpha1\nkind: GrafanaDashboard\nmetadata:\n"
             "  name: system-metrics\n  labels:\n    app: grafana\nspec:\n  json: |\n" + indented,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--queries", action="store_true")
    options = parser.parse_args()
    if options.queries:
        for title, _, queries in panels():
            for query, _ in queries:
                print(f"{title}\t{query}")
    for path, text in files().items():
        if options.write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif options.check and path.read_text() != text:
            sys.exit(f"{path.relative_to(ROOT)} is not what the panels make; run dashboard.py --write")


if __name__ == "__main__":
    main()
