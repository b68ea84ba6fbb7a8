#!/usr/bin/env python3
"""Replays a day's arrivals against the autoscalers' rules: pods, waiting time, cost, as a table and plots.

usage: simulate.py [--scale N]... [--trace FILE] [--plots DIR] [--unbounded]
  --scale N      times today's load; may stand several times (1, 10, 1000, 100000)
  --trace FILE   CSV with `seconds,jobs_a_second`; a day with a noon peak and three bursts by default
  --plots DIR    an SVG for each scale
  --unbounded    as if the autoscalers had no maximum: what it would need

The rules are read from deploy/kubernetes/base/platform/autoscaling.yaml, rates from rates.json. A fluid
model in steps of 15 s, which is what the autoscalers see; what it leaves out is in docs/deployment.md.
Needs Debian's python3-yaml.
"""

import argparse
import csv
import json
import math
import pathlib
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
RULES = HERE.parent / "kubernetes/base/platform/autoscaling.yaml"
STEP = 15
DAY = 86_400
TOLERANCE = 0.1
NODE_CORES = 7.66
REQUESTED_CORES = {"api": 1, "worker": 2, "ai": 4}


def rates():
    return {name: value for group in json.loads((HERE / "rates.json").read_text()).values()
            for name, value in group.items()}


def default_trace():
    """Jobs a second, of a day whose mean is one: night, noon, and three bursts of ten minutes."""
    shape = []
    for at in range(0, DAY, STEP):
        hour = at / 3600
        value = 0.25 + 1.5 * max(0.0, math.sin(math.pi * (hour - 6) / 14)) if 6 <= hour <= 20 else 0.25
        if any(start <= hour < start + 1 / 6 for start in (9, 13, 22)):
            value += 10
        shape.append(value)
    mean = sum(shape) / len(shape)
    return [value / mean for value in shape]


def read_trace(path):
    with open(path, newline="", encoding="utf-8") as source:
        rows = sorted((float(r["seconds"]), float(r["jobs_a_second"])) for r in csv.DictReader(source))
    if not rows:
        sys.exit(f"simulate: {path}: has no rows")
    trace, i = [], 0
    for at in range(0, int(rows[-1][0]) + STEP, STEP):
        while i + 1 < len(rows) and rows[i + 1][0] <= at:
            i += 1
        trace.append(rows[i][1])
    return trace


class Autoscaler:
    """The rules of a HorizontalPodAutoscaler: the most that a metric asks, held down by its behaviour."""

    def __init__(self, least, most, behaviour, start_seconds):
        self.least, self.most = least, most
        self.up = behaviour.get("scaleUp", {})
        self.down = behaviour.get("scaleDown", {})
        self.start = start_seconds
        self.pods = least
        self.coming = []  # When those that start are ready.
        self.wanted = []  # (time, wish), for stabilisation.
        self.changes = []  # (time, pods), for the policies' periods.

    def serving(self, now):
        return self.pods - sum(1 for due in self.coming if due > now)

    def allowed(self, rules, now, sign):
        """How many pods the policies let come (or go) now."""
        if not rules.get("policies"):
            return math.inf
        most = 0
        for policy in rules["policies"]:
            since = [count for at, count in self.changes if at > now - policy["periodSeconds"]]
            before = since[0] if since else self.pods
            share = policy["value"] if policy["type"] == "Pods" else math.ceil(before * policy["value"] / 100)
            most = max(most, share - sign * (self.pods - before))
        return max(0, most)

    def step(self, now, wish, start_extra=0):
        wish = min(self.most, max(self.least, wish))
        self.wanted.append((now, wish))
        window = self.down.get("stabilizationWindowSeconds", 300)
        self.wanted = [(at, w) for at, w in self.wanted if at > now - max(window, STEP)]
        self.changes.append((now, self.pods))
        self.changes = self.changes[-80:]
        self.coming = [due for due in self.coming if due > now]
        if wish > self.pods:
            more = min(wish - self.pods, self.allowed(self.up, now, 1))
            self.coming += [now + self.start + start_extra] * int(more)
            self.pods += int(more)
        else:
            held = max(w for _, w in self.wanted)
            fewer = min(self.pods - held, self.allowed(self.down, now, -1))
            if fewer > 0:
                self.pods -= int(fewer)
                self.coming = self.coming[:max(0, len(self.coming) - int(fewer))]


def quantity(text):
    """Of Kubernetes: "200m" is a fifth."""
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def autoscalers(of, unbounded):
    found = {}
    for document in yaml.safe_load_all(RULES.read_text()):
        spec, name = document["spec"], document["metadata"]["name"]
        if name == "api-hpa":
            found["api"] = Autoscaler(spec["minReplicas"], spec["maxReplicas"], spec["behavior"], of["pod_start_seconds"])
            found["api"].response_target = quantity(next(m["object"]["target"]["value"] for m in spec["metrics"]
                                                         if m["type"] == "Object"))
            found["api"].cpu_target = next(m["resource"]["target"]["averageUtilization"] / 100
                                           for m in spec["metrics"] if m["type"] == "Resource")
        elif name in ("worker-scaler", "ai-scaler"):
            behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
            scaler = Autoscaler(spec["minReplicaCount"], spec["maxReplicaCount"], behaviour, of["pod_start_seconds"])
            scaler.thresholds = [float(t["metadata"]["threshold"]) for t in spec["triggers"]]
            found[name.split("-")[0]] = scaler
    if unbounded:
        for scaler in found.values():
            scaler.most = 10**9
    return found


def databases_for(trace, of):
    return math.ceil(max(trace) / (0.5 * of["database_jobs_a_second"]))


def simulate(trace, of, unbounded=False):
    """The day in steps, and its sums. `trace` is jobs a second."""
    scalers = autoscalers(of, unbounded)
    api, worker, ai = scalers["api"], scalers["worker"], scalers["ai"]
    queue, steps, nodes = 0.0, [], 0
    # Without a maximum: as many databases, each for a share of the tenants, as keep each half idle.
    databases = databases_for(trace, of) if unbounded else 1
    # A worker's jobs wait for the model; its cores (four at most) are the other limit.
    a_worker = min(of["worker_concurrency"] / of["model_seconds"], 4 / of["worker_cpu_seconds"])
    for i, arrivals in enumerate(trace):
        now = i * STEP
        serving = {name: max(1, scaler.serving(now)) for name, scaler in scalers.items()}
        # The api pods: their CPU against what they request, and what a queue in front of them costs.
        used = arrivals * of["api_cpu_seconds"] / serving["api"]
        load = used / 2  # Two cores are their limit.
        response = of["base_response_seconds"] / max(0.02, 1 - min(load, 0.98))
        # Work done: the workers' slots, the AI pods' calls, the database.
        can = min(serving["worker"] * a_worker,
                  serving["ai"] * 4 * 32 / of["model_seconds"] / max(of["calls_a_job"], 1e-9),
                  databases * of["database_jobs_a_second"])
        done = min(can, queue / STEP + arrivals)
        queue = max(0.0, queue + (arrivals - done) * STEP)
        wait = queue / can if can > 0 else 0.0
        in_flight = done * of["calls_a_job"] * of["model_seconds"]
        ratio = used / REQUESTED_CORES["api"] / api.cpu_target
        slow = response / api.response_target
        most = max(ratio, slow)
        wish = api.pods if abs(most - 1) <= TOLERANCE else math.ceil(api.pods * most)
        cores = sum(REQUESTED_CORES[name] * scaler.pods for name, scaler in scalers.items())
        needed = math.ceil(cores / NODE_CORES)
        extra = of["node_start_seconds"] if needed > nodes else 0
        nodes = max(needed, nodes - 1)
        api.step(now, wish, extra)
        running = done * of["model_seconds"]
        worker.step(now, math.ceil(max(queue / worker.thresholds[0], running / worker.thresholds[1])), extra)
        ai.step(now, math.ceil(in_flight / ai.thresholds[0]), extra)
        steps.append({"hour": now / 3600, "arrivals": arrivals, "done": done, "queue": queue, "wait": wait,
                      "api": api.pods, "worker": worker.pods, "ai": ai.pods, "response": response})
    return steps


def sums(steps, of):
    hours = STEP / 3600
    spot = 1 - of["spot_discount"]
    compute = sum(s["api"] * 1 + s["ai"] * 4 + s["worker"] * 2 * spot for s in steps) * hours * of["usd_a_core_hour"]
    jobs = sum(s["done"] for s in steps) * STEP
    by_wait, seen = sorted(steps, key=lambda s: s["wait"]), 0.0
    p95 = 0.0
    for s in by_wait:
        seen += s["arrivals"]
        p95 = s["wait"]
        if seen >= 0.95 * sum(s["arrivals"] for s in steps):
            break
    calls = jobs * of["calls_a_job"] * of["usd_a_call"]
    return {"jobs": jobs, "left": steps[-1]["queue"], "peak": max(s["arrivals"] for s in steps),
            "api": max(s["api"] for s in steps), "worker": max(s["worker"] for s in steps),
            "ai": max(s["ai"] for s in steps), "wait_p95": p95, "wait_max": max(s["wait"] for s in steps),
            "compute": compute, "calls": calls,
            "databases": databases_for([s["arrivals"] for s in steps], of)}


def plot(steps, title):
    """Three plots under each other, as SVG."""
    width, height, left = 900, 170, 70
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + left + 120} {3 * (height + 50) + 30}" '
           'font-family="sans-serif" font-size="12">', f'<text x="{left}" y="20" font-size="15">{title}</text>']
    colours = ("#1f77b4", "#d62728", "#2ca02c")
    parts = ((("jobs a second", ("arrivals", "done")), ("pods", ("api", "worker", "ai")),
              ("wait, seconds", ("wait",))))
    for row, (label, names) in enumerate(parts):
        top = 40 + row * (height + 50)
        most = max(max(s[name] for s in steps) for name in names) or 1
        out.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999"/>')
        out.append(f'<text x="5" y="{top + 10}">{most:,.4g}</text><text x="5" y="{top + height}">0</text>')
        out.append(f'<text x="{left}" y="{top + height + 15}">0 h</text>'
                   f'<text x="{left + width - 30}" y="{top + height + 15}">{steps[-1]["hour"]:.0f} h</text>')
        for i, name in enumerate(names):
            bucket = max(1, len(steps) // 300)
            points = []
            for x in range(0, len(steps), bucket):
                value = max(s[name] for s in steps[x:x + bucket])
                points.append(f"{left + width * x / len(steps):.1f},{top + height - height * value / most:.1f}")
            out.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colours[i]}"/>')
            out.append(f'<text x="{left + width + 8}" y="{top + 15 + 16 * i}" fill="{colours[i]}">'
                       f'{name if name != "wait" else label}</text>')
        out.append(f'<text x="{left + width / 2 - 40}" y="{top + height + 15}">{label}</text>')
    return "\n".join([*out, "</svg>\n"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, action="append")
    parser.add_argument("--trace")
    parser.add_argument("--plots", type=pathlib.Path)
    parser.add_argument("--unbounded", action="store_true")
    options = parser.parse_args()
    of = rates()
    today = of["jobs_a_day"] / DAY
    trace = read_trace(options.trace) if options.trace else [value * today for value in default_trace()]
    print(f"{'load':>9} {'jobs a day':>13} {'peak/s':>9} {'api':>6} {'worker':>7} {'ai':>6} {'wait p95':>9} "
          f"{'longest':>9} {'left':>12} {'compute $':>10} {'model $':>11} {'databases':>10}")
    for scale in options.scale or (1, 10, 1_000, 100_000):
        steps = simulate([value * scale for value in trace], of, options.unbounded)
        s = sums(steps, of)
        print(f"{scale:>8,.0f}x {s['jobs']:>13,.0f} {s['peak']:>9,.0f} {s['api']:>6} {s['worker']:>7} {s['ai']:>6} "
              f"{s['wait_p95']:>7,.0f} s {s['wait_max']:>7,.0f} s {s['left']:>12,.0f} {s['compute']:>10,.0f} "
              f"{s['calls']:>11,.0f} {s['databases']:>10}")
        if options.plots:
            options.plots.mkdir(parents=True, exist_ok=True)
            kind = "without a maximum" if options.unbounded else "by the rules"
            name = f"load-{scale:.0f}{'-unbounded' if options.unbounded else ''}.svg"
            (options.plots / name).write_text(plot(steps, f"{scale:,.0f} times today's load, {kind}"))


if __name__ == "__main__":
    main()
