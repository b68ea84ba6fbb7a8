#!/usr/bin/env python3
"""Checks that the pods fit the minimum cluster: six nodes of 8 cores and 32 GB.

usage: packing.py [OVERLAY]...       `base` and `production` without an argument

Places every pod at its minimum number, one more for a rolling update where it surges, and each job and
backup at once, as the scheduler does: the most important first, by resources, taints, affinity, spread;
pods of the same importance in many orders. Then it adds pods up to the autoscalers' maximum, and says
how far they fit, and how many nodes the maximum needs. Exit code 1 when the minimum does not fit, or the
quota is below the maximum.
"""

import dataclasses
import random
import sys

import manifests
import policy

POOLS = ("api", "worker", "data")
NODES_A_POOL = 2
TAINTS = {"worker": {("rwp.dev/spot", "true")}, "data": {("rwp.dev/data", "true")}, "api": set()}
# What a node of 8 cores, 32 GB and 500 GB leaves to pods: less kubelet and system (as managed clusters
# reserve), less a network plug-in, kube-proxy, node_exporter and a log collector.
NODE_CPU = 8.0 - 0.09 - 0.25
NODE_MEMORY = 32e9 - (993 + 400) * 2**20
NODE_DISK = 450e9
ORDERS = 300


@dataclasses.dataclass
class Pod:
    app: str
    cpu: float
    memory: float
    disk: float
    priority: int
    tolerations: frozenset
    required: frozenset
    preferred: dict


@dataclasses.dataclass
class Node:
    name: str
    pool: str
    cpu: float = NODE_CPU
    memory: float = NODE_MEMORY
    disk: float = NODE_DISK
    apps: dict = dataclasses.field(default_factory=dict)

    def takes(self, pod):
        return (TAINTS[self.pool] <= pod.tolerations and (not pod.required or self.pool in pod.required)
                and pod.cpu <= self.cpu + 1e-9 and pod.memory <= self.memory and pod.disk <= self.disk)

    def place(self, pod):
        self.cpu -= pod.cpu
        self.memory -= pod.memory
        self.disk -= pod.disk
        self.apps[pod.app] = self.apps.get(pod.app, 0) + 1


def pools_of(terms):
    return frozenset(value for term in terms for expression in term.get("matchExpressions", [])
                     if expression["key"] == "rwp.dev/pool" for value in expression["values"])


def pod_of(app, spec, priorities, claims=()):
    containers = spec["containers"]

    def total(name):
        return sum(policy.quantity(c["resources"]["requests"][name]) for c in containers)

    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {})
    preferred = {}
    for entry in affinity.get("preferredDuringSchedulingIgnoredDuringExecution", []):
        for pool in pools_of([entry["preference"]]):
            preferred[pool] = entry["weight"]
    return Pod(app=app, cpu=total("cpu"), memory=total("memory"),
               disk=sum(policy.quantity(c["spec"]["resources"]["requests"]["storage"]) for c in claims),
               priority=priorities[spec["priorityClassName"]],
               tolerations=frozenset((t["key"], t.get("value")) for t in spec.get("tolerations", [])),
               required=pools_of(required.get("nodeSelectorTerms", [])), preferred=preferred)


def cluster_pod(document, priorities):
    """An instance of CloudNativePG, with the backup plug-in's side container."""
    spec = document["spec"]
    affinity = spec.get("affinity", {})
    pod = pod_of("postgres", {"containers": [{"resources": spec["resources"]}], "affinity": affinity,
                              "tolerations": affinity.get("tolerations", []),
                              "priorityClassName": spec["priorityClassName"]}, priorities)
    pod.cpu += 0.1
    pod.memory += 256 * 2**20
    pod.disk = policy.quantity(spec["storage"]["size"])
    return pod


def pods_of(documents):
    """The pods at the minimum with a surge, those that the autoscalers may add, the batch's."""
    priorities = {d["metadata"]["name"]: d["value"] for d in documents if d["kind"] == "PriorityClass"}
    ranges = {}
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] == "HorizontalPodAutoscaler":
            ranges[spec["scaleTargetRef"]["name"]] = (spec["minReplicas"], spec["maxReplicas"])
        elif document["kind"] == "ScaledObject":
            ranges[spec["scaleTargetRef"]["name"]] = (spec["minReplicaCount"], spec["maxReplicaCount"])
    least, more, surge = [], [], []
    for document in documents:
        kind, spec = document["kind"], document.get("spec", {})
        if kind in policy.WORKLOADS:
            template = policy.template_of(document)
            pod = pod_of(template["metadata"]["labels"]["app"], template["spec"], priorities,
                         spec.get("volumeClaimTemplates", ()))
            low, high = ranges.get(document["metadata"]["name"], (spec.get("replicas", 1),) * 2)
            least += [pod] * low
            more += [pod] * (high - low)
            if kind == "Deployment":
                surge += [pod] * spec["strategy"]["rollingUpdate"]["maxSurge"]
        elif kind == "Cluster":
            least += [cluster_pod(document, priorities)] * spec["instances"]
    return least, more, surge


def new_nodes(count=NODES_A_POOL):
    return [Node(f"{pool}-{i}", pool) for pool in POOLS for i in range(count)]


def schedule(pods, nodes):
    """Places the pods in this order; those that found no node."""
    left = []
    for pod in pods:
        fitting = [node for node in nodes if node.takes(pod)]
        if not fitting:
            left.append(pod)
            continue
        # As the scheduler's weights: the preferred pool, then spread, then the emptiest.
        best = max(fitting, key=lambda node: (2 * pod.preferred.get(node.pool, 0)
                                              - 40 * node.apps.get(pod.app, 0)
                                              + 100 * node.cpu / NODE_CPU))
        best.place(pod)
    return left


def by_importance(pods, shuffle):
    """The order in which preemption makes the scheduler end: the important first, big ones earlier."""
    pods = list(pods)
    shuffle.shuffle(pods)
    return sorted(pods, key=lambda pod: -pod.priority)


def check(name, documents):
    least, more, surge = pods_of(documents)
    shuffle = random.Random(1)
    problems = []
    wanted = least + surge
    failed = {}
    for _ in range(ORDERS):
        nodes = new_nodes()
        for pod in schedule(by_importance(wanted, shuffle), nodes):
            failed[pod.app] = failed.get(pod.app, 0) + 1
    cpu, memory = sum(p.cpu for p in wanted), sum(p.memory for p in wanted)
    print(f"{name}: {len(wanted)} pods at the minimum, {len(surge)} of them a rolling update's, ask for "
          f"{cpu:.2f} of {6 * NODE_CPU:.2f} cores, {memory / 2**30:.1f} of {6 * NODE_MEMORY / 2**30:.1f} GiB")
    for app, count in sorted(failed.items()):
        problems.append(f"a pod of {app} finds no node in {count} of {ORDERS} orders")
    if not failed:
        print(f"  they fit six nodes in each of {ORDERS} orders; the last of them:")
        for node in nodes:
            what = ", ".join(f"{count} {app}" for app, count in sorted(node.apps.items()))
            print(f"  {node.name:<9} {node.cpu:5.2f} cores {node.memory / 2**30:5.1f} GiB left: {what}")
        tell_maximum(least, more)
    hard = next((d["spec"]["hard"] for d in documents if d["kind"] == "ResourceQuota"), None)
    everything = least + more + surge
    for key, total in (("requests.cpu", sum(p.cpu for p in everything)),
                       ("requests.memory", sum(p.memory for p in everything)),
                       ("pods", len(everything))):
        if policy.quantity(hard[key]) < total:
            problems.append(f"the quota's {key} {hard[key]} is below the maximum's {total:.1f}")
    return problems


def tell_maximum(least, more):
    """How many of the autoscalers' pods the six nodes take, and the nodes that all of them need."""
    nodes = new_nodes()
    schedule(by_importance(least, random.Random(1)), nodes)
    waiting, fitted, asked = {}, {}, {}
    for pod in more:
        waiting.setdefault(pod.app, []).append(pod)
        asked[pod.app] = asked.get(pod.app, 0) + 1
    while waiting:
        for app in list(waiting):
            if schedule([waiting[app].pop()], nodes):
                del waiting[app]
                continue
            fitted[app] = fitted.get(app, 0) + 1
            if not waiting[app]:
                del waiting[app]
    base = {app: sum(1 for p in least if p.app == app) for app in asked}
    print("  of the autoscalers' maximum fit: " + ", ".join(
        f"{app} {base[app] + fitted.get(app, 0)} of {base[app] + count}" for app, count in asked.items()))
    for count in range(NODES_A_POOL, 30):
        nodes = [Node(f"{pool}-{i}", pool) for pool in POOLS
                 for i in range(NODES_A_POOL if pool == "data" else count)]
        if not schedule(by_importance(least + more, random.Random(1)), nodes):
            print(f"  all of it fits {2 * count + NODES_A_POOL} nodes: {count} api, {count} worker, "
                  f"{NODES_A_POOL} data")
            return


def main():
    failed = False
    for name in sys.argv[1:] or ("base", "production"):
        for problem in check(name, manifests.render(manifests.FOLDERS[name])):
            print(f"  {problem}")
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
