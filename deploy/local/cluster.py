#!/usr/bin/env python3
"""The cluster on one machine; cluster.sh has the usage."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import chaos
import firedrill
import load as loads
import parts
import stores
import supervisor
from plan import ROOT, Plan

sys.path.insert(0, str(ROOT / "deploy/observability"))
import dashboard  # noqa: E402
import rules  # noqa: E402

# Panels of what one machine does not have.
ELSEWHERE = ("kube_", "cnpg_", "barman_cloud_")
# What this machine does for others may keep these.
NOT_OURS = ("RwpCpuHigh", "RwpMemoryHigh", "RwpDiskHigh", "RwpResponseTimeHigh")
# What happens only when something goes wrong, or is not used here.
WHEN_IT_HAPPENS = ("rwp_ai_tenant_refused_total", "rwp_ai_budget_refused_total", "ALERTS")

# The longest that all may take to end: each kind has half a minute, a database that its Patroni left 20 s.
STOP_SECONDS = 240

FIRING = 'ALERTS{alertstate="firing",alertname!~"' + "|".join(NOT_OURS) + '"}'


def environment(plan):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(supervisor.NOT_INHERITED)}
    return clean | parts.settings(plan)


def saved_plan(options):
    settings = json.loads((pathlib.Path(options.dir) / "cluster.json").read_text())
    plan = Plan(options.dir, settings["programs"], settings["port"])
    plan.ports = json.loads((plan.dir / "ports.json").read_text())
    return plan


def up(options):
    folder = pathlib.Path(options.dir)
    if folder.exists():
        sys.exit(f"cluster: '{folder}' is there already; `cluster.sh down` removes it")
    programs = pathlib.Path(options.programs).resolve()
    if not (programs / "api_pod").exists():
        sys.exit(f"cluster: '{programs}' has no api_pod; give --programs the folder of the built programs")
    folder.mkdir(parents=True)
    (folder / "cluster.json").write_text(json.dumps({"programs": str(programs), "port": options.port}))
    plan = Plan(folder, programs, options.port)
    for tenant, name in (("local", "key"), (parts.POOR_TENANT, "poor-key")):
        made = subprocess.run([programs / "rwpctl", "keys", "create", "--tenant", tenant, "--scopes",
                               "jobs:read,jobs:write,queues:write,ai:use,events:write", "--api-keys-file",
                               str(folder / "keys")], text=True, capture_output=True, check=True, timeout=30)
        plan.write(name, made.stdout, 0o600)
    begun = time.monotonic()
    try:
        owner = supervisor.Owner(options.with_process)
    except ProcessLookupError:
        shutil.rmtree(folder)
        sys.exit(f"cluster: no process {options.with_process} to end with")
    child = os.fork()
    if child == 0:
        os.setsid()
        log = os.open(folder / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(target, number)
        supervisor.run(plan, owner)
        os._exit(0)
    (folder / "supervisor.pid").write_text(str(child))
    state = folder / "state"
    while not state.exists():
        if os.waitpid(child, os.WNOHANG)[0]:
            sys.exit(f"cluster: the supervisor ended; see {folder}/supervisor.log")
        time.sleep(0.2)
    if state.read_text() != "up":
        sys.exit(f"cluster: {state.read_text()}; see {folder}/log")
    plan = saved_plan(options)
    # What fired while nothing was there yet has cleared.
    supervisor.wait_for(lambda: chaos.ask_prometheus(plan, "count(up) and min(up) == 1")
                        and not chaos.ask_prometheus(plan, FIRING), "all targets of Prometheus")
    print(f"up after {time.monotonic() - begun:.0f} s: {len(list((folder / 'pids').iterdir()))} processes in {folder}")
    for name, port in (("API", "balanced-api"), ("Prometheus", "prometheus"), ("Alertmanager", "alertmanager")):
        print(f"  {name:<13} {plan.url(port)}")
    print(f"  key           {folder}/key")


def is_running(pid):
    try:
        # Past the name, which may hold anything.
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def down(options):
    folder = pathlib.Path(options.dir)
    if not (folder / "cluster.json").exists():
        sys.exit(f"cluster: '{folder}' is no cluster's")
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        child = int((folder / "supervisor.pid").read_text())
        os.kill(child, signal.SIGTERM)
        try:
            supervisor.wait_for(lambda: not is_running(child), "the end of the supervisor", STOP_SECONDS)
        except RuntimeError as error:
            sys.exit(f"cluster: {error} ({child}); '{folder}' stays as it is")
    if not options.keep:
        shutil.rmtree(folder)
    print("down")


def status(options):
    plan = saved_plan(options)
    while True:
        lines = []
        for path in sorted((plan.dir / "pids").iterdir()):
            try:
                os.kill(int(path.read_text()), 0)
                lines.append(f"{path.name} up")
            except ProcessLookupError:
                lines.append(f"{path.name} DOWN")

        def number(query, form="{:.1f}"):
            result = chaos.ask_prometheus(plan, query)
            return form.format(float(result[0]["value"][1])) if result else "-"

        page = ["", f"{sum(l.endswith('up') for l in lines)} of {len(lines)} processes are up "
                + " ".join(l for l in lines if l.endswith("DOWN")),
                f"primary        {chaos.Chaos(plan, None).primary()}",
                f"requests       {number('sum(rwp:api_requests:rate5m)')} a second, p95 "
                + number("1000 * max(rwp:api_response_seconds:p95)") + " ms, failed "
                + number("100 * max(rwp:api_errors:ratio_rate5m)", "{:.2f}") + " %",
                f"queue          {number('sum(rwp:queue_ready:jobs)', '{:.0f}')} ready, oldest "
                + number("max(rwp:processing_delay:seconds)") + " s",
                f"jobs           {number('sum(rate(rwp_jobs_finished_total[10s]))')} a second",
                f"replication    {number('max(rwp:replication_lag:seconds)')} s behind",
                "alerts         " + (", ".join(sorted(
                    a["metric"]["alertname"] for a in chaos.ask_prometheus(plan, 'ALERTS{alertstate="firing"}')))
                    or "none")]
        print(("" if options.once else "\033[2J\033[H") + "\n".join(page), flush=True)
        if options.once:
            return
        time.sleep(2)


def check(options):
    plan = saved_plan(options)
    empty, asked = [], 0
    for title, _, queries in dashboard.panels():
        for query, _ in queries:
            if any(word in query for word in ELSEWHERE):
                continue
            # As the rules: an hour is a minute here.
            asked += 1
            if not chaos.ask_prometheus(plan, query) and not any(word in query for word in WHEN_IT_HAPPENS):
                empty.append(f"{title}: {query}")
    print(f"dashboard: {asked} queries, {len(empty)} without data")
    for line in empty:
        print(f"  {line}")
    return len(empty)


def spoil(plan, load):
    """Loses an ended job and records an event twice, so that it is seen that the table finds both."""
    job = next(iter(load.acknowledged))
    stores.psql(plan, f"DELETE FROM rwp.ended WHERE id = '{job}'", "rwp", chaos.Chaos(plan, load).await_primary())
    path = plan.dir / "events.jsonl"
    with path.open("a+", encoding="utf-8") as events:
        events.seek(0)
        events.write(events.readline())


def promises(options, with_chaos, load, result, doing, fired, without_data):
    """Which were broken."""
    broken = list(doing.broken)
    for name in ("lost", "not ended", "dead letters", "twice recorded", "events lost"):
        if result[name]:
            broken.append(f"{name}: {result[name]}")
    if result["verify"] != "nothing is wrong":
        broken.append("rwpctl verify found damage")
    if not result["jobadder"].startswith("signed in"):
        broken.append("JobAdder is not mirrored any more")
    for role in () if options.short else ("api", "ai", "analytics"):
        if load.share_failed(role) > (0.01 if with_chaos else 0):
            broken.append(f"{load.share_failed(role):.2%} of the requests to {role} failed")
    if load.unacknowledged:
        broken.append(f"{load.unacknowledged} jobs were never acknowledged")
    if options.seconds >= 60 and not result["traces"]:
        broken.append("no trace leads from an api pod through a worker to an AI pod")
    if without_data:
        broken.append(f"{without_data} panels' queries return no data")
    if with_chaos and not options.short:
        broken += [f"{name} did not clear" for name, (_, clear) in sorted(fired.items())
                   if not clear and name not in NOT_OURS]
    return broken


def work(options, with_chaos):
    plan = saved_plan(options)
    since = time.time()
    load = loads.Load(plan, options.rate)
    doing = chaos.Chaos(plan, load, options.short)
    begun = time.monotonic()
    if with_chaos:
        time.sleep(min(10, options.seconds / 10))
        doing.run()
    while time.monotonic() - begun < options.seconds:
        time.sleep(0.5)
    without_data = check(options) if options.seconds >= 40 and not options.short else 0
    load.stop()
    taken = time.monotonic() - begun
    if options.spoil:
        loads.outcome(plan, load, environment(plan))
        spoil(plan, load)
    result = loads.outcome(plan, load, environment(plan))
    result["traces"] = loads.traces_across_pods(plan)
    if with_chaos and not options.short:
        time.sleep(15)  # Until what fired has cleared: windows and `for` are seconds here.
    fired = {name: counts for name, counts in chaos.alerts(plan, since).items() if counts[0]}
    print()
    for row in doing.rows:
        print("  {:<28} {:<26} {}".format(*row))
    table = [("Under load", f"{taken:.0f} s")]
    for role in ("api", "ai", "analytics"):
        met = {what: count for (of, what), count in load.failures.items() if of == role}
        table.append((f"Requests to {role}", f"{load.requests[role]}, failed {load.failed(role)} "
                                             f"({load.share_failed(role):.2%}) {met or ''}"))
    table += [("Jobs acknowledged", len(load.acknowledged)), ("Lost", result["lost"]),
              ("Not ended", result["not ended"]), ("Dead letters", result["dead letters"]),
              ("Events lost", result["events lost"]), ("Twice recorded", result["twice recorded"]),
              ("rwpctl verify", result["verify"]), ("JobAdder", result["jobadder"]),
              ("Traces across the pods", result["traces"]),
              ("Longest time without a write", f"{load.longest_gap():.1f} s"),
              ("Alerts fired", ", ".join(f"{name}{'' if clear else ' (still)'}"
                                         for name, (_, clear) in sorted(fired.items())) or "none")]
    for name, value in table:
        print(f"  {name:<28} {value}")
    broken = promises(options, with_chaos, load, result, doing, fired, without_data)
    if options.prove:
        spoil(plan, load)
        found = loads.outcome(plan, load, environment(plan), 20)
        if found["lost"] != 1 or not found["twice recorded"]:
            broken.append(f"a planted loss and double were told as {found}")
        print(f"  {'A planted loss and double':<28} {found['lost']} and {found['twice recorded']}")
    for line in broken:
        print(f"  broken: {line}")
    if not broken:
        print("  every promise held")
    sys.exit(1 if broken else 0)


def fire_every_alert(options):
    plan = saved_plan(options)
    load = loads.Load(plan, options.rate)
    drill = firedrill.FireDrill(plan, load)
    time.sleep(10)
    drill.run(options.only)
    load.stop()
    print()
    for name, taken, _ in drill.rows:
        print(f"  {name:<28} {taken}")
    if not options.only:
        known = {rule["alert"] for group in rules.groups() for rule in group["rules"] if "alert" in rule}
        for name in sorted(known - {row[0] for row in drill.rows}):
            drill.broken.append(f"nothing fires {name}")
    for line in drill.broken:
        print(f"  broken: {line}")
    sys.exit(1 if drill.broken else 0)


def main():
    parser = argparse.ArgumentParser(prog="cluster.sh")
    parser.add_argument("command", choices=("up", "status", "load", "chaos", "alerts", "check", "down"))
    parser.add_argument("--dir", default="/tmp/rwp-cluster")
    parser.add_argument("--programs", default="build/release/bin")
    parser.add_argument("--port", type=int, default=21000)
    parser.add_argument("--with", type=int, dest="with_process", metavar="PID")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--spoil", action="store_true")
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if options.command == "load":
        work(options, with_chaos=False)
    elif options.command == "chaos":
        work(options, with_chaos=True)
    elif options.command == "alerts":
        fire_every_alert(options)
    elif options.command == "check":
        sys.exit(1 if check(options) else 0)
    else:
        {"up": up, "down": down, "status": status}[options.command](options)


if __name__ == "__main__":
    main()
