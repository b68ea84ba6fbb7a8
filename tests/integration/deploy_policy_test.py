#!/usr/bin/env python3
"""policy.py: every overlay says what was asked for, and each rule of it is broken here once at least, and
found. A rule that nothing here breaks fails the last test.

usage: deploy_policy_test.py ROOT
"""

import ast
import copy
import pathlib
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(ROOT / "deploy/kubernetes"))

import manifests
import policy

RENDERED = {name: [d for d in manifests.render(folder) if d["kind"] not in ("GrafanaDashboard", "PrometheusRule")]
            for name, folder in manifests.FOLDERS.items()}
RULES = ("expect", "require", "fail", "get")
broken_rules = set()


class Watched(policy.Bundle):
    """Notes in which line of policy.py a rule was broken."""

    def watch(self, rule, *arguments):
        line = sys._getframe(2).f_lineno
        before = len(self.problems)
        result = getattr(super(), rule)(*arguments)
        if len(self.problems) > before:
            broken_rules.add(line)
        return result

    def expect(self, *arguments):
        return self.watch("expect", *arguments)

    def require(self, *arguments):
        return self.watch("require", *arguments)

    def get(self, *arguments):
        return self.watch("get", *arguments)

    def fail(self, *arguments):
        return self.watch("fail", *arguments)


policy.Bundle = Watched


def problems_of(overlay, kind, name, change):
    """What policy.py says of the overlay with one document changed; `change` None: without it."""
    documents = copy.deepcopy(RENDERED[overlay])
    found = [d for d in documents if d["kind"] == kind and d["metadata"]["name"].startswith(name)]
    exact = [d for d in found if d["metadata"]["name"] == name]
    found = exact or found
    assert len(found) == 1, f"{kind}/{name} of {overlay}: {len(found)}"
    if change is None:
        documents.remove(found[0])
    else:
        change(found[0], documents)
    return policy.problems_of(overlay, documents)


def put(path, value):
    """Sets what the path (keys and indexes, apart by slashes) leads to; None takes it away."""
    steps = [int(step) if step.isdigit() else step.replace("~", "/") for step in path.split("/")]

    def change(document, _):
        for step in steps[:-1]:
            document = document[step]
        if value is None:
            del document[steps[-1]]
        else:
            document[steps[-1]] = value
    return change


def add(path, value):
    def change(document, _):
        for step in path.split("/"):
            document = document[int(step) if step.isdigit() else step]
        document.append(value)
    return change


def variable(name, value):
    def change(document, _):
        entries = document["spec"]["template"]["spec"]["containers"][0]["env"]
        entries[:] = [entry for entry in entries if entry["name"] != name]
        if value is not None:
            entries.append({"name": name} | (value if isinstance(value, dict) else {"value": value}))
    return change


def text(path, old, new):
    """In the text that the path leads to."""
    steps = [int(step) if step.isdigit() else step for step in path.split("/")]

    def change(document, _):
        for step in steps[:-1]:
            document = document[step]
        assert old in document[steps[-1]]
        document[steps[-1]] = document[steps[-1]].replace(old, new)
    return change


def twice(document, documents):
    documents.append(copy.deepcopy(document))


def another(kind):
    return lambda _, documents: documents.append({"kind": kind, "metadata": {"name": "another", "labels": {
        f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}}})


POD = "spec/template/spec"
FIRST = f"{POD}/containers/0"
GUARD = f"{FIRST}/securityContext"
API = ("base", "Deployment", "api-deployment")
WORKER = ("base", "Deployment", "worker-deployment")
AI = ("base", "Deployment", "ai-deployment")
POSTGRES = ("base", "StatefulSet", "postgres")
API_POLICY = ("base", "NetworkPolicy", "api-network-policy")
OUT_POLICY = ("base", "NetworkPolicy", "objects-backup-network-policy")
HPA = ("base", "HorizontalPodAutoscaler", "api-hpa")
CLUSTER = ("production", "Cluster", "postgres")
GATEWAY = ("base", "Gateway", "rwp")
INGRESS = ("base", "Ingress", "api")

# Overlay, kind and name of what is changed; the change; what must be told.
BROKEN = (
    # Names, numbers, images, ports, probes
    (*WORKER, put("spec/replicas", 4), "worker-deployment replicas: is 4"),
    (*API, put(f"{FIRST}/name", "server"), "must have a container 'api'"),
    (*API, put(f"{FIRST}/image", "rwp/server:1"), "api-deployment image"),
    (*API, put(f"{FIRST}/image", "rwp/api:latest"), "must have a version"),
    (*API, put(f"{FIRST}/image", "rwp/api"), "must have a version"),
    (*AI, put(f"{FIRST}/resources/limits/memory", "8Gi"), "ai-deployment limits"),
    (*WORKER, put(f"{FIRST}/resources/requests/cpu", "1"), "worker-deployment requests"),
    (*API, put(f"{FIRST}/resources/requests/memory", "5Gi"), "requests more memory than its limit"),
    ("base", "CronJob", "costs-report",
     put("spec/jobTemplate/spec/template/spec/containers/0/resources/limits/cpu", None), "must say limits.cpu"),
    (*API, put(f"{FIRST}/ports/0/containerPort", 8080), "api-deployment ports"),
    (*API, put(f"{FIRST}/readinessProbe/httpGet/path", "/health"), "readinessProbe"),
    (*WORKER, put(f"{FIRST}/livenessProbe", None), "worker-deployment livenessProbe"),
    ("base", "StatefulSet", "etcd", put(f"{FIRST}/readinessProbe", None), "a liveness and a readiness probe"),
    (*API, put("spec/template/metadata/labels/app", "apis"), "its pods' labels"),
    (*API, put("spec/selector/matchLabels/app", "apis"), "api-deployment app"),
    (*API, put("spec/strategy/rollingUpdate/maxUnavailable", 1), "rolling update"),
    (*WORKER, put(f"{POD}/tolerations", []), "must tolerate spot nodes"),
    (*WORKER, put(f"{POD}/affinity", None), "must prefer the worker nodes"),
    (*AI, variable("OPENAI_API_KEY", {"valueFrom": {"secretKeyRef": {
        "name": "api-keys", "key": "keys"}}}), "ai-deployment OPENAI_API_KEY"),
    (*API, variable("RWP_HTTP_THREAD", "2"), "RWP_HTTP_THREAD is no setting"),
    # The end of a pod
    (*WORKER, put(f"{POD}/terminationGracePeriodSeconds", 100), "is killed after"),
    (*WORKER, put(f"{POD}/terminationGracePeriodSeconds", 130), "spot node's notice"),
    (*API, put(f"{FIRST}/lifecycle", {}), "must say preStop"),
    (*API, variable("RWP_DRAIN_GRACE", None), "must say preStop"),
    # What a pod may do
    (*API, put(f"{POD}/securityContext/runAsNonRoot", False), "runAsNonRoot"),
    (*API, put(f"{POD}/securityContext/runAsUser", 0), "not root"),
    (*API, put(f"{POD}/securityContext/seccompProfile", {"type": "Unconfined"}), "seccompProfile"),
    (*AI, put(f"{POD}/automountServiceAccountToken", True), "service account's token"),
    (*API, put(f"{POD}/hostNetwork", True), "host's namespaces"),
    (*API, put(f"{POD}/volumes/0", {"name": "tmp", "hostPath": {"path": "/"}}), "host's files"),
    ("base", "ServiceAccount", "worker", put("automountServiceAccountToken", True), "'worker' must be there"),
    ("base", "ServiceAccount", "worker", None, "'worker' must be there"),
    (*API, put(f"{POD}/priorityClassName", "system-node-critical"), "one of the priority classes"),
    (*API, put(f"{GUARD}/allowPrivilegeEscalation", True), "allowPrivilegeEscalation"),
    (*API, put(f"{GUARD}/readOnlyRootFilesystem", False), "readOnlyRootFilesystem"),
    ("base", "StatefulSet", "redis", put(f"{GUARD}/capabilities", {}), "capabilities"),
    (*AI, variable("GA4_API_SECRET", "x"), "must come from a secret"),
    ("dev", "Namespace", "rwp-dev", put("metadata/labels/pod-security.kubernetes.io~enforce", "baseline"),
     "Namespace enforce"),
    # Where it stands, and how many may be away
    (*API, put(f"{POD}/topologySpreadConstraints/1/whenUnsatisfiable", "DoNotSchedule"), "must spread over"),
    (*AI, put(f"{POD}/topologySpreadConstraints/0", None), "topology.kubernetes.io/zone"),
    ("base", "PodDisruptionBudget", "api", None, "PodDisruptionBudget 'api'"),
    ("base", "PodDisruptionBudget", "worker", put("spec/maxUnavailable", 2), "PodDisruptionBudget 'worker'"),
    (*CLUSTER, put("spec/enablePDB", False), "Cluster enablePDB"),
    ("base", "PriorityClass", "rwp-worker", put("value", 950000), "the data's pods must come first"),
    # Who may speak to whom
    ("base", "NetworkPolicy", "default-deny", put("spec/policyTypes", ["Ingress"]), "default-deny"),
    ("base", "NetworkPolicy", "dns-network-policy", put("spec/egress/0/ports/1", None), "dns-network-policy"),
    (*API_POLICY, put("spec/ingress/0/from/0", None), "must admit app: frontend"),
    (*API_POLICY, put("spec/ingress/0/ports/0/port", 3001), "api-network-policy port"),
    (*API_POLICY, put("spec/egress/0", None), "api cannot reach postgres:5432"),
    (*API_POLICY, add("spec/ingress/0/from", {"namespaceSelector": {"matchLabels": {
        "kubernetes.io/metadata.name": "monitoring"}}}), "(prometheus) may reach api:3000"),
    (*API_POLICY, put("spec/egress", None), "says Egress and no rule"),
    (*API_POLICY, put("spec/ingress/0/from", [{"ipBlock": {"cidr": "0.0.0.0/0"}}]), "must not admit addresses"),
    (*API_POLICY, put("spec/ingress/0/from/0/podSelector/matchLabels/app", "front"), "a peer that nobody knows"),
    ("base", "NetworkPolicy", "frontend-network-policy", put("spec/egress", []), "(frontend) cannot reach api:3000"),
    ("base", "ExternalSecret", "api-tls", None, "nothing makes one of ['api-tls']"),
    ("base", "NetworkPolicy", "traces-network-policy",
     put("spec/egress/0/to/0/podSelector", {}), "api may reach (prometheus):4318"),
    ("base", "NetworkPolicy", "postgres-network-policy", add("spec/ingress", {}),
     "(anybody) may reach postgres:5432"),
    ("base", "NetworkPolicy", "postgres-network-policy", add("spec/ingress", {}), "must name peers and ports"),
    (*OUT_POLICY, put("spec/egress/0/to/0/ipBlock/except", []), "private networks"),
    # Secrets
    ("base", "ExternalSecret", "ai-secrets", put("spec/refreshInterval", "2h"), "ai-secrets refresh"),
    ("base", "ExternalSecret", "ai-secrets", put("spec/data/0/remoteRef/key", "openai"), "ai-secrets key"),
    ("base", "ExternalSecret", "api-keys", put("spec/secretStoreRef/name", "vault"), "ExternalSecret/api-keys store"),
    ("base", "ExternalSecret", "objects-secrets", None, "nothing makes the key of RWP_OBJECTS_URL"),
    ("base", "ExternalSecret", "pod-keys", None, "nothing makes the secret 'pod-keys'"),
    (*API, another("Secret"), "no secret may stand in the manifests"),
    ("base", "ExternalSecret", "postgres-app", text("spec/target/template/data/jobs-url", "tiered:", ""),
     "postgres-app jobs-url"),
    ("production", "ExternalSecret", "postgres-app",
     text("spec/target/template/data/owner-url", "rwp_owner", "postgres"), "postgres-app owner-url"),
    # PostgreSQL and its backups
    (*POSTGRES, put("spec/replicas", 1), "postgres replicas"),
    (*POSTGRES, put("spec/serviceName", "db"), "postgres service"),
    (*POSTGRES, put("spec/volumeClaimTemplates/0/spec/resources/requests/storage", "10Gi"), "postgres claim"),
    ("base", "ConfigMap", "postgres-files", text("data/patroni.yml", "ttl: 20", "ttl: 30"), "must say ttl: 20"),
    ("base", "ConfigMap", "postgres-files", text("data/patroni.yml", "archive-push", "push"), "archive-push"),
    ("base", "ConfigMap", "postgres-files",
     text("data/pgbackrest-repository.conf", "repo1-retention-full=30", "repo1-retention-full=3"),
     "must say repo1-retention-full=30"),
    ("base", "ConfigMap", "postgres-files", text("data/first-roles.sh", "ALTER DEFAULT", "-- ALTER"),
     "first-roles.sh: must let rwp_app"),
    (*CLUSTER, put("spec/bootstrap/initdb/postInitApplicationSQL", []), "Cluster: must let rwp_app"),
    ("base", "CronJob", "postgres-backup-full", put("spec/schedule", "0 2 * * 0"), "postgres-backup-full schedule"),
    ("base", "CronJob", "postgres-backup-incr", put("spec/concurrencyPolicy", "Allow"), "overlap"),
    (*CLUSTER, put("spec/instances", 2), "Cluster instances"),
    (*CLUSTER, put("spec/storage/size", "10Gi"), "Cluster storage"),
    (*CLUSTER, put("spec/plugins", []), "must archive its WAL"),
    (*CLUSTER, put("metadata/name", "database"), "Cluster/postgres: is missing"),
    ("production", "ObjectStore", "postgres-backups", put("spec/retentionPolicy", "7d"), "backups kept"),
    ("production", "ScheduledBackup", "postgres-daily", put("spec/schedule", "0 2 * * *"), "postgres-daily schedule"),
    ("base", "CronJob", "objects-backup", put("spec/schedule", "30 1 * * 0"), "objects-backup schedule"),
    ("base", "CronJob", "objects-backup",
     put("spec/jobTemplate/spec/template/spec/containers/0/env/0/value", "3"), "objects kept"),
    # Scaling
    (*HPA, put("spec/maxReplicas", 12), "api-hpa range"),
    (*HPA, put("spec/scaleTargetRef/name", "worker-deployment"), "api-hpa target"),
    (*HPA, put("spec/metrics/0/resource/target/averageUtilization", 80), "api-hpa resources"),
    (*HPA, put("spec/metrics/2/object/target/value", "2"), "api-hpa response time"),
    ("base", "ScaledObject", "worker-scaler", put("spec/triggers/0/metadata/threshold", "100"),
     "jobs that wait before it scales"),
    ("base", "ScaledObject", "worker-scaler", put("spec/maxReplicaCount", 50), "worker-scaler range"),
    ("base", "ScaledObject", "worker-scaler", put("spec/scaleTargetRef/name", "workers"), "worker-scaler target"),
    ("staging", "ScaledObject", "worker-scaler", text(
        "spec/triggers/1/metadata/query", "rwp-staging", "rwp"), "must ask for the namespace rwp-staging"),
    ("base", "ScaledObject", "ai-scaler", put(
        "spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown/stabilizationWindowSeconds", 60),
     "must go down slowly"),
    ("base", "ScaledObject", "ai-scaler", put("spec/triggers/0/metadata/query", 'up{namespace="rwp"}'),
     "calls in flight"),
    ("base", "HorizontalPodAutoscaler", "analytics-hpa", None, "scaled: is"),
    ("production", "Deployment", "worker-deployment", put("spec/replicas", 5), "are the autoscaler's"),
    # What else there must be
    ("base", "ServiceMonitor", "api-monitor", put("spec/selector/matchLabels/app", "ai"), "api-monitor selector"),
    ("base", "ServiceMonitor", "api-monitor", put("spec/endpoints/0/interval", "30s"), "api-monitor: is"),
    ("base", "PodMonitor", "ai-monitor", put("spec/podMetricsEndpoints/0/port", "http"), "ai-monitor: is"),
    ("base", "Service", "api", put("spec/ports/0/port", 80), "Service/api ports"),
    ("base", "CronJob", "costs-report", put("spec/schedule", "0 6 * * *"), "costs-report schedule"),
    ("base", "ConfigMap", "cost-rates", text("data/cost-rates.json", '"cores": 0.55', '"cores": 0.25'),
     "cost-rates pods"),
    ("production", "ConfigMap", "cost-rates", None, "cost-rates: is missing"),
    ("base", "StatefulSet", "redis", put("spec/replicas", 1), "redis replicas"),
    ("base", "StatefulSet", "redis", put(f"{POD}/containers/1", None), "redis containers"),
    ("base", "LimitRange", "rwp-limits", put("spec/limits/0/default", None), "must have defaults"),
    ("dev", "Namespace", "rwp-dev", another("Namespace"), "namespaces: is 2"),
    (*API, twice, "stands twice"),
    # The edge
    (*API, variable("RWP_TRUSTED_CDN", "10.0.0.0/8"), "must be CloudFlare's ranges"),
    (*API, variable("RWP_TRUSTED_PROXIES", "0.0.0.0/0"), "must be the ingress alone"),
    (*GATEWAY, put("spec/infrastructure/annotations", {}), "Gateway's load balancer: must admit"),
    (*INGRESS, put("metadata/annotations/nginx.ingress.kubernetes.io~whitelist-source-range", "0.0.0.0/0"),
     "Ingress: must admit"),
    (*GATEWAY, put("spec/infrastructure/labels/app", "edge"), "Gateway's pods"),
    (*GATEWAY, put("spec/listeners/0/port", 80), "Gateway's listeners"),
    (*INGRESS, put("spec/rules/0/http/paths/0/path", "/"), "paths from outside"),
    (*INGRESS, put("spec/tls", None), "must have TLS"),
    ("base", "HTTPRoute", "api", put("spec/rules/0/timeouts/request", "30s"), "the edge's time limits"),
)

# What must be there at all.
NEEDED = (
    *(("base", kind, name) for kind, name in (
        ("Deployment", "api-deployment"), ("Deployment", "worker-deployment"), ("Deployment", "ai-deployment"),
        ("Deployment", "analytics-deployment"), ("StatefulSet", "postgres"), ("StatefulSet", "redis"),
        ("Service", "postgres"), ("Service", "api"), ("NetworkPolicy", "default-deny"),
        ("NetworkPolicy", "dns-network-policy"), ("NetworkPolicy", "api-network-policy"),
        ("ExternalSecret", "ai-secrets"), ("ExternalSecret", "postgres-app"), ("ResourceQuota", "rwp-quota"),
        ("LimitRange", "rwp-limits"), ("Job", "migration"), ("CronJob", "costs-report"),
        ("CronJob", "objects-backup"), ("CronJob", "postgres-backup-full"), ("CronJob", "postgres-backup-incr"),
        ("HorizontalPodAutoscaler", "api-hpa"), ("ScaledObject", "worker-scaler"), ("ScaledObject", "ai-scaler"),
        ("ServiceMonitor", "api-monitor"), ("PodMonitor", "worker-monitor"), ("Gateway", "rwp"),
        ("HTTPRoute", "api"), ("Ingress", "api"))),
    ("production", "ObjectStore", "postgres-backups"), ("production", "ScheduledBackup", "postgres-daily"),
    ("production", "Deployment", "api-deployment"))


class PolicyTest(unittest.TestCase):
    def test_1_every_overlay_says_what_was_asked_for(self):
        for name, documents in RENDERED.items():
            self.assertEqual(policy.problems_of(name, documents), [])

    def test_2_each_broken_rule_is_told(self):
        for overlay, kind, name, change, told in BROKEN:
            problems = problems_of(overlay, kind, name, change)
            self.assertTrue(any(told in problem for problem in problems), (kind, name, told, problems))

    def test_3_what_is_missing_is_told(self):
        for overlay, kind, name in NEEDED:
            self.assertIn(f"{kind}/{name}: is missing", problems_of(overlay, kind, name, None))

    def test_4_no_rule_stands_that_was_not_broken(self):
        def rename(document, _):
            document["metadata"]["name"] += "-lost"
        problems = problems_of("base", "ConfigMap", "rwp-config", rename)
        self.assertTrue(any("is missing" in problem for problem in problems))
        tree = ast.parse((ROOT / "deploy/kubernetes/policy.py").read_text())
        rules = {node.lineno for node in ast.walk(tree)
                 if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                 and node.func.attr in RULES and getattr(node.func.value, "id", "") == "bundle"}
        self.assertGreater(len(rules), 90)
        self.assertEqual(sorted(rules - broken_rules), [])


if __name__ == "__main__":
    unittest.main()
