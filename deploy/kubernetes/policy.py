#!/usr/bin/env python3
"""Checks that the manifests say what was asked for: names, numbers, probes, limits, isolation.

usage: policy.py [OVERLAY]...        all without an argument
Exit code 1 with a line for each rule that a manifest breaks.
"""

import json
import re
import sys

import manifests

ROOT = manifests.HERE.parent.parent
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")
SPOT_NOTICE_SECONDS = 120
# Five seconds for handlers that were told to stop, and the commit, which may wait out a failover.
HAND_BACK_SECONDS = 30

# name of the deployment: container, image, label, replicas, requests, limits
ROLES = {
    "api-deployment": ("api", "rwp/api", "api", 3, ("1", "2Gi"), ("2", "4Gi")),
    "worker-deployment": ("worker", "rwp/worker", "worker", 5, ("2", "4Gi"), ("4", "8Gi")),
    "ai-deployment": ("ai-processor", "rwp/ai-processor", "ai-processor", 3, ("4", "8Gi"),
                      ("8", "16Gi")),
    "analytics-deployment": ("analytics", "rwp/analytics", "analytics", 3, ("500m", "1Gi"),
                             ("1", "2Gi")),
}

# Who may open a connection to whom: the pods' table, and what keeps the stores alive.
OUTSIDE = "(internet):443"
DATABASE = "postgres:5432"
TRACES = "(collector):4318"
REDIS = {"redis:6379", "redis:26379"}
ARROWS = {
    "api": {DATABASE, *REDIS, OUTSIDE, TRACES},
    "worker": {DATABASE, *REDIS, OUTSIDE, TRACES, "ai-processor:3000", "analytics:3000"},
    "ai-processor": {DATABASE, *REDIS, OUTSIDE, TRACES},
    "analytics": {DATABASE, *REDIS, OUTSIDE, TRACES},
    "redis": set(REDIS),
    "migration": {DATABASE},
    "objects-backup": {OUTSIDE},
    "costs-report": {DATABASE, OUTSIDE},
    "(frontend)": {"api:3000"},
    "(edge)": {"api:3000"},
    "(prometheus)": {"api:9090", "worker:9090", "ai-processor:9090", "analytics:9090",
                     "postgres:9187"},
}
ARROWS_STATEFULSET = ARROWS | {
    "postgres": {DATABASE, "postgres:8008", "etcd:2379", OUTSIDE},
    "etcd": {"etcd:2379", "etcd:2380"},
    "postgres-backup": {"postgres:8432", OUTSIDE},
}
ARROWS_OPERATOR = ARROWS | {
    "postgres": {DATABASE, "postgres:8000", OUTSIDE, "(10.0.0.0/8):443", "(10.0.0.0/8):6443"},
    "(operator)": {"postgres:8000"},
}
PRIVATE_RANGES = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}


def quantity(value):
    """A Kubernetes quantity as a number."""
    match = re.fullmatch(r"([0-9.]+)(m|k|M|G|Ki|Mi|Gi|Ti)?", str(value))
    if not match:
        raise ValueError(f"no quantity: {value!r}")
    factor = {None: 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20,
              "Gi": 2**30, "Ti": 2**40}[match[2]]
    return float(match[1]) * factor


def seconds(value):
    match = re.fullmatch(r"(\d+)(s|m)", value)
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]


def template_of(document):
    spec = document["spec"]
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]


class Bundle:
    """The documents of one overlay, and what is wrong with them."""

    def __init__(self, name, documents):
        self.name = name
        self.documents = documents
        self.problems = []

    def of(self, *kinds):
        return [d for d in self.documents if d["kind"] in kinds]

    def get(self, kind, name):
        for document in self.of(kind):
            if document["metadata"]["name"] == name:
                return document
        self.fail(f"{kind}/{name}", "is missing")
        return None

    def fail(self, what, rule):
        self.problems.append(f"{what}: {rule}")

    def expect(self, what, found, wanted):
        if found != wanted:
            self.fail(what, f"is {found!r}, must be {wanted!r}")

    def require(self, what, holds, rule):
        if not holds:
            self.fail(what, rule)

    @property
    def operator(self):
        return any(d["kind"] == "Cluster" for d in self.documents)

    def database_names(self):
        return {"postgres"} if self.operator else set()


def container_of(document, name):
    for container in template_of(document)["spec"]["containers"]:
        if container["name"] == name:
            return container
    return {}


def environment(bundle, container):
    """What a pod's process finds set, those from secrets as their names."""
    values = {}
    for source in container.get("envFrom", []):
        config = bundle.get("ConfigMap", source["configMapRef"]["name"])
        values |= (config or {}).get("data", {})
    for entry in container.get("env", []):
        values[entry["name"]] = entry.get("value", entry.get("valueFrom"))
    return values


def check_roles(bundle):
    for name, (container_name, image, app, replicas, requests, limits) in ROLES.items():
        document = bundle.get("Deployment", name)
        if document is None:
            continue
        if bundle.name == "base":
            bundle.expect(f"{name} replicas", document["spec"].get("replicas"), replicas)
        container = container_of(document, container_name)
        bundle.require(name, container, f"must have a container '{container_name}'")
        if not container:
            continue
        bundle.expect(f"{name} image", container["image"].split(":")[0], image)
        if bundle.name != "dev":
            for kind, wanted in (("requests", requests), ("limits", limits)):
                found = container["resources"][kind]
                bundle.expect(f"{name} {kind}", (found["cpu"], found["memory"]), wanted)
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        bundle.expect(f"{name} ports", ports, {"http": 3000, "metrics": 9090})
        for probe, path in (("livenessProbe", "/health"), ("readinessProbe", "/ready"),
                            ("startupProbe", "/health")):
            bundle.expect(f"{name} {probe}", container.get(probe, {}).get("httpGet"),
                          {"path": path, "port": "http"})
        bundle.expect(f"{name} its pods' labels", template_of(document)["metadata"]["labels"],
                      {"app": app})
        bundle.expect(f"{name} app", document["spec"]["selector"]["matchLabels"], {"app": app})
        check_stop(bundle, name, document, container)
    api = bundle.get("Deployment", "api-deployment")
    if api:
        bundle.expect("api-deployment rolling update", api["spec"]["strategy"],
                      {"type": "RollingUpdate",
                       "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    worker = bundle.get("Deployment", "worker-deployment")
    if worker:
        pod = template_of(worker)["spec"]
        bundle.require("worker-deployment", {"key": "rwp.dev/spot", "operator": "Equal",
                                             "value": "true", "effect": "NoSchedule"}
                       in pod.get("tolerations", []), "must tolerate spot nodes")
        bundle.require("worker-deployment", "'worker'" in str(pod.get("affinity")),
                       "must prefer the worker nodes")
    ai = bundle.get("Deployment", "ai-deployment")
    if ai:
        key = environment(bundle, container_of(ai, "ai-processor")).get("OPENAI_API_KEY")
        bundle.expect("ai-deployment OPENAI_API_KEY", key,
                      {"secretKeyRef": {"name": "ai-secrets", "key": "openai-api-key"}})


def check_stop(bundle, name, document, container):
    """preStop, drain and the time until the kill fit together, and into a spot node's notice."""
    pod = template_of(document)["spec"]
    values = environment(bundle, container)
    stop = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds")
    if stop is None or "RWP_DRAIN_DELAY" not in values or "RWP_DRAIN_GRACE" not in values:
        bundle.fail(name, "must say preStop, RWP_DRAIN_DELAY and RWP_DRAIN_GRACE")
        return
    needed = stop + seconds(values["RWP_DRAIN_DELAY"]) + seconds(values["RWP_DRAIN_GRACE"])
    if name == "worker-deployment":
        needed += HAND_BACK_SECONDS
    grace = pod["terminationGracePeriodSeconds"]
    bundle.require(name, needed <= grace,
                   f"its drain takes {needed} s, but it is killed after {grace} s")
    if any(t["key"] == "rwp.dev/spot" for t in pod.get("tolerations", [])):
        bundle.require(name, grace < SPOT_NOTICE_SECONDS, "may outlive a spot node's notice")


def check_every_pod(bundle):
    for document in bundle.of(*WORKLOADS):
        what = manifests.name_of(document)
        pod = template_of(document)["spec"]
        security = pod.get("securityContext", {})
        bundle.expect(f"{what} runAsNonRoot", security.get("runAsNonRoot"), True)
        bundle.require(what, security.get("runAsUser", 0) > 0, "must name a user that is not root")
        bundle.expect(f"{what} seccompProfile", security.get("seccompProfile"),
                      {"type": "RuntimeDefault"})
        bundle.expect(f"{what} service account's token", pod.get("automountServiceAccountToken"),
                      False)
        bundle.require(what, not any(pod.get(k) for k in ("hostNetwork", "hostPID", "hostIPC")),
                       "must not share the host's namespaces")
        bundle.require(what, not any("hostPath" in v for v in pod.get("volumes", [])),
                       "must not mount the host's files")
        account = pod.get("serviceAccountName", "default")
        accounts = {a["metadata"]["name"]: a for a in bundle.of("ServiceAccount")}
        bundle.require(what, accounts.get(account, {}).get("automountServiceAccountToken") is False,
                       f"its service account '{account}' must be there and have no token")
        priorities = {p["metadata"]["name"] for p in bundle.of("PriorityClass")}
        bundle.require(what, pod.get("priorityClassName") in priorities,
                       "must have one of the priority classes")
        for container in pod["containers"] + pod.get("initContainers", []):
            check_container(bundle, f"{what} {container['name']}", container)
        if document["kind"] in ("Deployment", "StatefulSet"):
            for container in pod["containers"]:
                bundle.require(f"{what} {container['name']}",
                               "livenessProbe" in container and "readinessProbe" in container,
                               "must have a liveness and a readiness probe")
            check_spread(bundle, what, document, pod)


def check_container(bundle, what, container):
    context = container.get("securityContext", {})
    bundle.expect(f"{what} allowPrivilegeEscalation", context.get("allowPrivilegeEscalation"), False)
    bundle.expect(f"{what} readOnlyRootFilesystem", context.get("readOnlyRootFilesystem"), True)
    bundle.expect(f"{what} capabilities", context.get("capabilities"), {"drop": ["ALL"]})
    resources = container.get("resources", {})
    for kind in ("requests", "limits"):
        for name in ("cpu", "memory"):
            bundle.require(what, name in resources.get(kind, {}), f"must say {kind}.{name}")
    for name in ("cpu", "memory"):
        if all(name in resources.get(kind, {}) for kind in ("requests", "limits")):
            bundle.require(what, quantity(resources["requests"][name])
                           <= quantity(resources["limits"][name]), f"requests more {name} than its limit")
    image = container["image"]
    bundle.require(what, re.search(r":[^:/]+$|@sha256:", image) and not image.endswith(":latest"),
                   f"its image '{image}' must have a version")
    for name, value in environment(bundle, container).items():
        if re.search(r"PASSWORD|SECRET|API_KEY$|CIPHER_PASS", name) and not name.endswith("_FILE"):
            bundle.require(what, isinstance(value, dict), f"{name} must come from a secret")
        if name.startswith("RWP_"):
            known = name in KNOWN_SETTINGS or name.removesuffix("_FILE") in KNOWN_SETTINGS
            bundle.require(what, known or container["image"].split(":")[0] not in POD_IMAGES,
                           f"{name} is no setting of the pods")


POD_IMAGES = {image for _, image, *_ in ROLES.values()} | {"rwp/ctl"}
KNOWN_SETTINGS = set(re.findall(r'"((?:RWP_|OPENAI_|GA4_)[A-Z0-9_]+)"', "".join(
    path.read_text() for path in sorted((ROOT / "src/pods").glob("*setting*.cpp")))))


def check_spread(bundle, what, document, pod):
    spread = pod.get("topologySpreadConstraints", [])
    for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname"):
        found = [s for s in spread if s["topologyKey"] == key]
        bundle.require(what, found and found[0]["whenUnsatisfiable"] == "ScheduleAnyway"
                       and found[0]["labelSelector"] == document["spec"]["selector"],
                       f"must spread over {key}, ScheduleAnyway, by its own selector")


def check_budgets(bundle):
    budgets = {d["metadata"]["name"]: d["spec"] for d in bundle.of("PodDisruptionBudget")}
    for document in bundle.of("Deployment", "StatefulSet"):
        app = document["spec"]["selector"]["matchLabels"]["app"]
        spec = budgets.get(app)
        bundle.require(manifests.name_of(document),
                       spec and spec.get("maxUnavailable") == 1
                       and spec["selector"]["matchLabels"] == {"app": app},
                       f"must have a PodDisruptionBudget '{app}' with maxUnavailable 1")
    if bundle.operator:
        for cluster in bundle.of("Cluster"):
            bundle.expect("Cluster enablePDB", cluster["spec"].get("enablePDB"), True)


def selector_holds(selector, labels):
    if any(labels.get(k) != v for k, v in selector.get("matchLabels", {}).items()):
        return False
    for expression in selector.get("matchExpressions", []):
        if expression["operator"] != "In":
            raise ValueError("only In is understood here")
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True


# Those at the other end that are none of ours: their namespace's labels (None: this one), their pods'.
STRANGERS = {
    "(frontend)": (None, {"app": "frontend"}),
    "(edge)": ({"rwp.dev/edge": "true"}, {"app": "frontend"}),
    "(prometheus)": ({"kubernetes.io/metadata.name": "monitoring"},
                     {"app.kubernetes.io/name": "prometheus"}),
    "(collector)": ({"kubernetes.io/metadata.name": "monitoring"},
                    {"app.kubernetes.io/name": "opentelemetry-collector"}),
    "(dns)": ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"}),
    "(operator)": ({"kubernetes.io/metadata.name": "cnpg-system"},
                   {"app.kubernetes.io/name": "cloudnative-pg"}),
    "(neighbour)": (None, {"app": "something-else"}),
    "(anybody)": ({"kubernetes.io/metadata.name": "default"}, {"app": "anything"}),
}


def peer_holds(peer, namespace, labels):
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        if namespace is None or not selector_holds(peer["namespaceSelector"], namespace):
            return False
    elif namespace is not None:
        return False
    return selector_holds(peer.get("podSelector", {}), labels)


def arrows_of(bundle):
    """The connections that the policies admit at both ends, by the source's app."""
    policies = [d["spec"] for d in bundle.of("NetworkPolicy")]
    apps = {template_of(d)["metadata"]["labels"]["app"] for d in bundle.of(*WORKLOADS)}
    apps |= bundle.database_names()
    numbers = {int(p["port"]) for spec in policies for side in ("ingress", "egress")
               for rule in spec.get(side, []) for p in rule.get("ports", [{"port": 0}])}

    def admits(app, side, number, namespace, labels):
        """Whether a policy of `app` admits the peer; None where none governs it."""
        governed = False
        for spec in policies:
            if side.capitalize() not in spec["policyTypes"]:
                continue
            if not selector_holds(spec["podSelector"], {"app": app}):
                continue
            governed = True
            for rule in spec.get(side, []):
                peers = rule.get("from" if side == "ingress" else "to")
                ports = rule.get("ports")
                if ports is not None and number not in {int(p["port"]) for p in ports}:
                    continue
                if not peers or any(peer_holds(p, namespace, labels) for p in peers):
                    return True
        return None if not governed else False

    found = {}
    for target in apps:
        for number in numbers:
            for source in apps:
                inward = admits(target, "ingress", number, None, {"app": source})
                outward = admits(source, "egress", number, None, {"app": target})
                if inward is not False and outward is not False:
                    found.setdefault(source, set()).add(f"{target}:{number}")
            for name, (namespace, labels) in STRANGERS.items():
                # Whoever stands in this namespace is under its policies, too.
                leaves = namespace is not None or admits(labels["app"], "egress", number, None,
                                                         {"app": target}) is not False
                if leaves and admits(target, "ingress", number, namespace, labels) is not False:
                    found.setdefault(name, set()).add(f"{target}:{number}")
                if admits(target, "egress", number, namespace, labels) is not False:
                    found.setdefault(target, set()).add(f"{name}:{number}")
    for spec in policies:
        for rule in spec.get("egress", []):
            for peer in rule.get("to", [{"ipBlock": {"cidr": "0.0.0.0/0", "except": []}}]):
                if "ipBlock" not in peer:
                    continue
                block = peer["ipBlock"]
                everywhere = block["cidr"] == "0.0.0.0/0"
                if everywhere and not PRIVATE_RANGES <= set(block.get("except", [])):
                    bundle.fail("NetworkPolicy", "a way out reaches private networks")
                where = "(internet)" if everywhere else f"({block['cidr']})"
                for app in apps:
                    if selector_holds(spec["podSelector"], {"app": app}):
                        for port in rule.get("ports", [{"port": 0}]):
                            found.setdefault(app, set()).add(f"{where}:{port['port']}")
    return found


def check_peers(bundle):
    """Every peer that a policy names is one of ours, or one of the strangers known here."""
    apps = [(None, {"app": template_of(d)["metadata"]["labels"]["app"]}) for d in bundle.of(*WORKLOADS)]
    apps += [(None, {"app": name}) for name in bundle.database_names()]
    known = apps + list(STRANGERS.values())
    for policy in bundle.of("NetworkPolicy"):
        what = manifests.name_of(policy)
        for side, key in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(side, []):
                bundle.require(what, rule.get(key) and rule.get("ports"),
                               f"its {side} must name peers and ports")
                for peer in rule.get(key, []):
                    if "ipBlock" in peer:
                        edge = policy["spec"]["podSelector"] == {"matchLabels": {"app": "frontend"}}
                        bundle.require(what, side == "egress" or edge, "must not admit addresses")
                        continue
                    bundle.require(what, any(peer_holds(peer, *one) for one in known),
                                   f"its {side} names a peer that nobody knows")
        for side in policy["spec"]["policyTypes"]:
            bundle.require(what, side.lower() in policy["spec"] or policy["spec"]["podSelector"] == {},
                           f"says {side} and no rule, which denies all")


def check_network(bundle):
    default = bundle.get("NetworkPolicy", "default-deny")
    if default:
        bundle.expect("default-deny", default["spec"],
                      {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
    dns = bundle.get("NetworkPolicy", "dns-network-policy")
    if dns:
        ports = {(p["port"], p["protocol"]) for p in dns["spec"]["egress"][0]["ports"]}
        bundle.expect("dns-network-policy ports", ports, {(53, "UDP"), (53, "TCP")})
    api = bundle.get("NetworkPolicy", "api-network-policy")
    if api:
        bundle.require("api-network-policy", {"podSelector": {"matchLabels": {"app": "frontend"}}}
                       in api["spec"]["ingress"][0]["from"], "must admit app: frontend")
        bundle.expect("api-network-policy port", api["spec"]["ingress"][0]["ports"],
                      [{"port": 3000, "protocol": "TCP"}])
    check_peers(bundle)
    wanted = ARROWS_OPERATOR if bundle.operator else ARROWS_STATEFULSET
    found = arrows_of(bundle)
    for source in sorted(wanted.keys() | found.keys()):
        have, want = found.get(source, set()), wanted.get(source, set())
        # Name service is everybody's.
        have = {arrow for arrow in have if not arrow.endswith(":53")}
        for arrow in sorted(want - have):
            bundle.fail("NetworkPolicy", f"{source} cannot reach {arrow}")
        for arrow in sorted(have - want):
            bundle.fail("NetworkPolicy", f"{source} may reach {arrow}, which nobody asked for")


def check_secrets(bundle):
    ai = bundle.get("ExternalSecret", "ai-secrets")
    if ai:
        bundle.expect("ai-secrets refresh", ai["spec"]["refreshInterval"], "1h")
        bundle.expect("ai-secrets key", ai["spec"]["data"][0],
                      {"secretKey": "openai-api-key", "remoteRef": {"key": "openai/api-key"}})
    made = {}
    for document in bundle.of("ExternalSecret"):
        spec = document["spec"]
        bundle.expect(f"{manifests.name_of(document)} store", spec["secretStoreRef"],
                      {"name": "vault-backend", "kind": "ClusterSecretStore"})
        template = spec["target"].get("template", {}).get("data")
        keys = set(template) if template else {d["secretKey"] for d in spec["data"]}
        made[spec["target"]["name"]] = keys
    for certificate in bundle.of("Certificate"):
        made[certificate["spec"]["secretName"]] = {"ca.crt", "tls.crt", "tls.key"}
    bundle.require("Secret", not bundle.of("Secret"), "no secret may stand in the manifests")
    urls = bundle.get("ExternalSecret", "postgres-app")
    if urls:
        urls = urls["spec"]["target"]["template"]["data"]
        for key, start in (("jobs-url", "tiered:postgres://rwp_app:"),
                           ("record-url", "postgres://rwp_app:"), ("owner-url", "postgres://rwp_owner:")):
            bundle.require(f"postgres-app {key}", urls.get(key, "").startswith(start),
                           f"must begin with {start}")
    for document in bundle.of(*WORKLOADS):
        pod = template_of(document)["spec"]
        for volume in pod.get("volumes", []):
            secret = volume.get("secret", {}).get("secretName")
            bundle.require(manifests.name_of(document), not secret or secret in made,
                           f"nothing makes the secret '{secret}'")
        for container in pod["containers"]:
            for entry in container.get("env", []):
                ref = (entry.get("valueFrom") or {}).get("secretKeyRef")
                bundle.require(manifests.name_of(document),
                               not ref or ref["key"] in made.get(ref["name"], ()),
                               f"nothing makes the key of {entry['name']}")


def check_database(bundle):
    if bundle.operator:
        cluster = bundle.get("Cluster", "postgres")
        if cluster is None:
            return
        bundle.expect("Cluster instances", cluster["spec"]["instances"], 3)
        bundle.expect("Cluster storage", cluster["spec"]["storage"]["size"], "100Gi")
        bundle.require("Cluster", any(plugin.get("isWALArchiver") for plugin
                                      in cluster["spec"].get("plugins", [])), "must archive its WAL")
        store = bundle.get("ObjectStore", "postgres-backups")
        bundle.expect("backups kept", (store or {"spec": {}})["spec"].get("retentionPolicy"), "30d")
        initial = " ".join(cluster["spec"]["bootstrap"]["initdb"].get("postInitApplicationSQL", []))
        bundle.require("Cluster", initial.count("TO rwp_app") == 3, "must let rwp_app use what is migrated")
        daily = bundle.get("ScheduledBackup", "postgres-daily")
        bundle.expect("postgres-daily schedule", (daily or {"spec": {}})["spec"].get("schedule"),
                      "0 0 2 * * *")
        return
    database = bundle.get("StatefulSet", "postgres")
    if database:
        bundle.expect("postgres replicas", database["spec"]["replicas"], 3)
        bundle.expect("postgres service", database["spec"]["serviceName"], "postgres")
        claim = database["spec"]["volumeClaimTemplates"][0]
        bundle.expect("postgres claim", (claim["metadata"]["name"], claim["spec"]["accessModes"],
                                         claim["spec"]["resources"]["requests"]["storage"]),
                      ("postgres-data", ["ReadWriteOnce"], "100Gi"))
    bundle.get("Service", "postgres")
    for name, schedule in (("postgres-backup-full", "0 2 * * *"),
                           ("postgres-backup-incr", "0 3-23,0,1 * * *")):
        job = bundle.get("CronJob", name)
        if job:
            bundle.expect(f"{name} schedule", job["spec"]["schedule"], schedule)
            bundle.expect(f"{name} overlap", job["spec"]["concurrencyPolicy"], "Forbid")
    files = [d for d in bundle.of("ConfigMap") if d["metadata"]["name"].startswith("postgres-files")]
    text = files[0]["data"]["patroni.yml"] if files else ""
    for setting in ("ttl: 20", "loop_wait: 5", "retry_timeout: 5", "archive_mode: \"on\"",
                    "archive-push %p", "archive_timeout: 60", "synchronous_mode: true"):
        bundle.require("patroni.yml", setting in text, f"must say {setting}")
    roles = files[0]["data"]["first-roles.sh"] if files else ""
    bundle.require("first-roles.sh", roles.count("ALTER DEFAULT PRIVILEGES FOR ROLE rwp_owner") == 3,
                   "must let rwp_app use what is migrated")
    config = files[0]["data"]["pgbackrest-repository.conf"] if files else ""
    for setting in ("repo1-retention-full-type=time", "repo1-retention-full=30", "pg1-user=postgres"):
        bundle.require("pgbackrest-repository.conf", setting in config, f"must say {setting}")


def check_scaling(bundle):
    hpa = bundle.get("HorizontalPodAutoscaler", "api-hpa")
    if hpa and bundle.name in ("base", "production"):
        spec = hpa["spec"]
        bundle.expect("api-hpa range", (spec["minReplicas"], spec["maxReplicas"]), (3, 10))
        bundle.expect("api-hpa target", spec["scaleTargetRef"]["name"], "api-deployment")
        resources = {m["resource"]["name"]: m["resource"]["target"] for m in spec["metrics"]
                     if m["type"] == "Resource"}
        bundle.expect("api-hpa resources", resources, {
            "cpu": {"type": "Utilization", "averageUtilization": 70},
            "memory": {"type": "Utilization", "averageUtilization": 80}})
        objects = [m["object"]["target"] for m in spec["metrics"] if m["type"] == "Object"]
        bundle.expect("api-hpa response time", objects, [{"type": "Value", "value": "200m"}])
    namespace = "rwp" if bundle.name == "base" else bundle.of("Namespace")[0]["metadata"]["name"]
    for name, target in (("worker-scaler", "worker-deployment"), ("ai-scaler", "ai-deployment")):
        scaler = bundle.get("ScaledObject", name)
        if not scaler:
            continue
        spec = scaler["spec"]
        bundle.expect(f"{name} target", spec["scaleTargetRef"]["name"], target)
        for trigger in spec["triggers"]:
            bundle.require(name, f'namespace="{namespace}"' in trigger["metadata"]["query"],
                           f"must ask for the namespace {namespace}")
        if name == "worker-scaler" and bundle.name in ("base", "production"):
            bundle.expect("worker-scaler: jobs that wait before it scales", spec["minReplicaCount"]
                          * float(spec["triggers"][0]["metadata"]["threshold"]), 1000.0)
            bundle.expect("worker-scaler range", (spec["minReplicaCount"], spec["maxReplicaCount"]),
                          (5, 20))
        if name == "ai-scaler":
            bundle.require(name, spec["triggers"][0]["metadata"]["query"].startswith("rwp:ai_scale:calls"),
                           "must scale by calls in flight and the room below the rate")
        down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
        bundle.require(name, down["stabilizationWindowSeconds"] >= 300, "must go down slowly")
    owned = {d["spec"]["scaleTargetRef"]["name"]
             for d in bundle.of("ScaledObject", "HorizontalPodAutoscaler")}
    bundle.expect("scaled", owned, set(ROLES))
    if bundle.name == "production":
        for name in ROLES:
            document = bundle.get("Deployment", name)
            bundle.require(name, document and document["spec"].get("replicas") is None,
                           "its replicas are the autoscaler's")


def check_rest(bundle):
    monitor = bundle.get("ServiceMonitor", "api-monitor")
    if monitor:
        bundle.expect("api-monitor selector", monitor["spec"]["selector"],
                      {"matchLabels": {"app": "api"}})
        endpoint = monitor["spec"]["endpoints"][0]
        bundle.expect("api-monitor", (endpoint["port"], endpoint["interval"]), ("metrics", "15s"))
    for name in ("worker-monitor", "ai-monitor", "analytics-monitor", "postgres-monitor"):
        monitor = bundle.get("PodMonitor", name)
        if monitor:
            bundle.expect(name, [e["port"] for e in monitor["spec"]["podMetricsEndpoints"]], ["metrics"])
    for name in ("api", "ai-processor", "analytics"):
        service = bundle.get("Service", name)
        if service:
            bundle.expect(f"Service/{name} ports",
                          {p["name"]: p["port"] for p in service["spec"]["ports"]},
                          {"http": 3000, "metrics": 9090})
    bundle.get("ResourceQuota", "rwp-quota")
    bundle.get("Job", "migration")
    costs = bundle.get("CronJob", "costs-report")
    if costs:
        bundle.expect("costs-report schedule", costs["spec"]["schedule"].split()[2:], ["1", "*", "*"])
    redis = bundle.get("StatefulSet", "redis")
    if redis:
        bundle.expect("redis replicas", redis["spec"]["replicas"], 3)
        bundle.expect("redis containers", [c["name"] for c in template_of(redis)["spec"]["containers"]],
                      ["redis", "sentinel"])
    backup = bundle.get("CronJob", "objects-backup")
    if backup:
        values = environment(bundle, template_of(backup)["spec"]["containers"][0])
        bundle.expect("objects kept", values.get("BACKUP_KEEP_DAYS"), "30")
        bundle.expect("objects-backup schedule", backup["spec"]["schedule"].split()[2:], ["*", "*", "*"])
    limits = bundle.get("LimitRange", "rwp-limits")
    if limits:
        bundle.require("LimitRange", all({"default", "defaultRequest"} <= set(l) for l in
                                         limits["spec"]["limits"] if l["type"] == "Container"),
                       "must have defaults: a quota refuses pods that say nothing")
    values = {d["metadata"]["name"]: d["value"] for d in bundle.of("PriorityClass")}
    order = [values.get(f"rwp-{name}", 0) for name in ("batch", "worker", "ai", "api", "data")]
    bundle.require("PriorityClass", order[0] > 0 and order == sorted(set(order)) and order[-1] < 10**9,
                   "the data's pods must come first, then api, ai, workers and batch")
    for namespace in bundle.of("Namespace"):
        labels = namespace["metadata"].get("labels", {})
        for mode in ("enforce", "warn", "audit"):
            bundle.expect(f"Namespace {mode}", labels.get(f"pod-security.kubernetes.io/{mode}"),
                          "restricted")
    if bundle.name != "base":
        bundle.expect("namespaces", len(bundle.of("Namespace")), 1)
    seen = set()
    for document in bundle.documents:
        what = manifests.name_of(document)
        bundle.require(what, what not in seen, "stands twice")
        seen.add(what)


def check_rates(bundle):
    """What the report of costs prices is what the base's pods request."""
    found = [d for d in bundle.of("ConfigMap") if d["metadata"]["name"].startswith("cost-rates")]
    bundle.require("cost-rates", found, "is missing")
    if not found or bundle.name != "base":
        return
    priced = {pod["name"]: (pod["replicas"], pod["cores"], pod["gib"])
              for pod in json.loads(found[0]["data"]["cost-rates.json"])["pods"]}
    requested = {}
    for document in bundle.of("Deployment", "StatefulSet"):
        requests = [c["resources"]["requests"] for c in template_of(document)["spec"]["containers"]]
        requested[template_of(document)["metadata"]["labels"]["app"]] = (
            document["spec"].get("replicas"), round(sum(quantity(r["cpu"]) for r in requests), 3),
            sum(quantity(r["memory"]) for r in requests) / 2**30)
    bundle.expect("cost-rates pods", priced, requested)


def check_edge(bundle):
    """CloudFlare's ranges, the same at every place that names them; its time limit; the API alone."""
    api = bundle.get("Deployment", "api-deployment")
    gateway = bundle.get("Gateway", "rwp")
    route = bundle.get("HTTPRoute", "api")
    ingress = bundle.get("Ingress", "api")
    if not (api and gateway and route and ingress):
        return
    values = environment(bundle, container_of(api, "api"))
    ranges = values.get("RWP_TRUSTED_CDN", "")
    bundle.require("api-deployment RWP_TRUSTED_CDN", "173.245.48.0/20" in ranges and "2400:cb00::/32" in ranges,
                   "must be CloudFlare's ranges")
    bundle.require("api-deployment RWP_TRUSTED_PROXIES", values.get("RWP_TRUSTED_PROXIES")
                   and "0.0.0.0/0" not in values["RWP_TRUSTED_PROXIES"], "must be the ingress alone")
    infrastructure = gateway["spec"]["infrastructure"]
    for what, found in (
            ("Gateway's load balancer", infrastructure["annotations"].get(
                "service.beta.kubernetes.io/load-balancer-source-ranges")),
            ("Ingress", ingress["metadata"]["annotations"].get(
                "nginx.ingress.kubernetes.io/whitelist-source-range"))):
        bundle.require(what, found == ranges, "must admit the ranges of RWP_TRUSTED_CDN alone")
    bundle.expect("Gateway's pods", infrastructure["labels"], {"app": "frontend"})
    made = {d["spec"]["target"]["name"] for d in bundle.of("ExternalSecret")}
    named = {ref["name"] for l in gateway["spec"]["listeners"] for ref in l["tls"]["certificateRefs"]}
    named |= {tls["secretName"] for tls in ingress["spec"].get("tls", [])}
    bundle.require("the edge's certificates", named and named <= made, f"nothing makes one of {sorted(named)}")
    bundle.expect("Gateway's listeners", [(l["port"], l["protocol"]) for l in gateway["spec"]["listeners"]],
                  [(443, "HTTPS")])
    paths = {m["path"]["value"] for rule in route["spec"]["rules"] for m in rule["matches"]}
    paths |= {path["path"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]}
    bundle.expect("paths from outside", paths, {"/v1/"})
    bundle.require("Ingress", ingress["spec"].get("tls"), "must have TLS")
    limits = [seconds(rule["timeouts"]["request"]) for rule in route["spec"]["rules"]]
    limits.append(int(ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"]))
    bundle.require("the edge's time limits", all(60 < limit < 100 for limit in limits),
                   "must be above 60 s, which a request may wait, and below CloudFlare's 100 s")


CHECKS = (check_roles, check_every_pod, check_budgets, check_network, check_secrets, check_database,
          check_scaling, check_rest, check_rates, check_edge)


def problems_of(name, documents):
    bundle = Bundle(name, documents)
    for check in CHECKS:
        check(bundle)
    return bundle.problems


def judge(name):
    documents = manifests.render(manifests.FOLDERS[name])
    return f"{len(documents)} documents", problems_of(name, documents)


if __name__ == "__main__":
    sys.exit(manifests.report(sys.argv[1:] or manifests.FOLDERS, judge))
