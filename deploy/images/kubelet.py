"""A kubelet's smallest part: pods of rendered manifests, started with runc on images of build.sh, in a network
of namespaces. rehearse.py says what is done with them.
"""

import json
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "kubernetes"))

import policy

USER = 10001
DEADLINE = 180
ROLES = ("api-deployment", "worker-deployment", "ai-deployment", "analytics-deployment")
STORES = ("etcd", "redis", "postgres")


def must(*command, **options):
    result = subprocess.run(command, text=True, capture_output=True, timeout=DEADLINE, **options)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {result.stderr.strip()[-500:]}")
    return result.stdout


class Network:
    """A switch in a namespace of its own, and a namespace for each pod on it: 10.77.0.0/24."""

    def __init__(self, mark):
        self.mark = mark
        self.names = []
        self.switch = f"{mark}-sw"
        self.add(self.switch)
        self.within(self.switch, "ip", "link", "add", "br0", "type", "bridge")
        self.within(self.switch, "ip", "link", "set", "br0", "up")

    def add(self, name):
        must("ip", "netns", "add", name)
        self.names.append(name)
        self.within(name, "ip", "link", "set", "lo", "up")

    def within(self, name, *command):
        return must("ip", "netns", "exec", name, *command)

    def plug_in(self, name, address):
        """A namespace `name` with that address."""
        self.add(name)
        port = f"v{address.rsplit('.', 1)[1]}"
        self.within(self.switch, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0",
                    "netns", name)
        self.within(self.switch, "ip", "link", "set", port, "master", "br0", "up")
        self.within(name, "ip", "address", "add", f"{address}/24", "dev", "eth0")
        self.within(name, "ip", "link", "set", "eth0", "up")

    def remove(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=DEADLINE)


class Vault:
    """What the ExternalSecrets read, made up, and the secrets they make."""

    def __init__(self, documents, known):
        self.known = dict(known)
        self.made = {}
        for document in documents:
            if document["kind"] != "ExternalSecret":
                continue
            spec = document["spec"]
            if any(entry["remoteRef"]["key"] == "rwp/jobadder" for entry in spec["data"]):
                continue  # An installation without JobAdder.
            read = {entry["secretKey"]: self.value(entry["remoteRef"]) for entry in spec["data"]}
            template = spec["target"].get("template", {}).get("data")
            self.made[spec["target"]["name"]] = (
                {key: re.sub(r"{{ \.([\w-]+)( \| urlquery)? }}", lambda found: urllib.parse.quote_plus(
                    read[found[1]]) if found[2] else read[found[1]], text)
                 for key, text in template.items()} if template else read)

    def value(self, reference):
        place = (reference["key"], reference.get("property"))
        return self.known.setdefault(place, secrets.token_hex(16))


class Rehearsal:
    def __init__(self, documents, folder, programs):
        self.documents = documents
        self.folder = folder
        self.programs = programs
        self.mark = f"rwp{secrets.token_hex(2)}"
        self.roots = {}
        self.pods = {}
        self.hosts = folder / "hosts"
        self.shared = folder / "shared"
        self.shared.mkdir()
        self.give_away(self.shared)
        self.vault = Vault(documents, self.keys() | {
            ("rwp/objects", "url"): "file:/shared/objects",
            ("rwp/objects-backup", "source"): "/shared/objects",
            ("rwp/objects-backup", "target"): "/shared/objects-backup",
            ("rwp/objects-backup", "rclone-conf"): "# folders need none",
            ("rwp/analytics", "url"): "jsonl:/shared/events.jsonl"})
        self.vault.made["pgbackrest-tls"] = self.certificate()
        self.write_hosts()
        # The last: what fails before leaves none behind.
        self.network = Network(self.mark)

    @staticmethod
    def give_away(path):
        shutil.chown(path, USER, USER)
        path.chmod(0o2775 if path.is_dir() else 0o440)

    def keys(self):
        file = self.folder / "keys"

        def key(tenant, scopes):
            return must(f"{self.programs}/rwpctl", "keys", "create", "--tenant", tenant, "--scopes", scopes,
                        "--api-keys-file", str(file)).strip()
        worker = key("workers", "ai:use,events:write")
        self.client_key = key("acme", "jobs:read,jobs:write")
        return {("rwp/pod-keys", "ai"): worker, ("rwp/pod-keys", "analytics"): worker,
                ("rwp/api-keys", "keys"): file.read_text()}

    def certificate(self):
        """What cert-manager makes of the Certificate."""
        spec = next(d["spec"] for d in self.documents if d["kind"] == "Certificate")
        at = self.folder / "tls"
        at.mkdir()
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        must("openssl", "req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=rwp-internal",
             "-days", "2", cwd=at)
        must("openssl", "req", *new_key, "-keyout", "tls.key", "-out", "tls.csr",
             "-subj", f"/CN={spec['commonName']}", cwd=at)
        (at / "ext").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in spec["dnsNames"])
                                + "\nextendedKeyUsage=serverAuth,clientAuth\n")
        must("openssl", "x509", "-req", "-in", "tls.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "2", "-extfile", "ext", "-out", "tls.crt", cwd=at)
        return {name: (at / name).read_text() for name in ("ca.crt", "tls.crt", "tls.key")}

    def names(self):
        """Each pod's name with its address, before any of them is there."""
        for number, store in enumerate(STORES):
            for index in range(3):
                yield f"{store}-{index}", f"10.77.0.{10 * (number + 1) + index}", store
        for number, role in enumerate(ROLES):
            container = policy.ROLES[role][0]
            yield container, f"10.77.0.{100 + number}", container
        yield "openai", "10.77.0.200", "openai"
        yield "job", "10.77.0.201", "job"

    def write_hosts(self):
        lines = ["127.0.0.1 localhost"]
        for name, address, service in self.names():
            own = f" {name}.{service} {service}" if name != service else ""
            lines.append(f"{address} {name}{own}")
        self.hosts.write_text("\n".join(lines) + "\n")

    def address(self, name):
        return next(address for own, address, _ in self.names() if own == name)

    def find(self, kind, name):
        return next(d for d in self.documents if (d["kind"], d["metadata"]["name"]) == (kind, name))

    def root_of(self, image):
        if image not in self.roots:
            container = must("buildah", "from", f"localhost/{image}").strip()
            config = json.loads(must("buildah", "inspect", container))["Docker"]["config"]
            self.roots[image] = (container, must("buildah", "mount", container).strip(), config)
        return self.roots[image][1:]

    def start_pod(self, name, document, change=None):
        if f"{self.mark}-{name}" not in self.network.names:
            self.network.plug_in(f"{self.mark}-{name}", self.address(name))
        pod = Pod(self, name, document, change or {})
        self.pods[name] = pod
        pod.start()
        return pod

    def remove(self):
        for pod in self.pods.values():
            pod.kill()
        for container, _, _ in self.roots.values():
            subprocess.run(["buildah", "rm", container], capture_output=True, timeout=DEADLINE)
        self.network.remove()


class Pod:
    """A pod of a manifest: its volumes, its containers in one network."""

    def __init__(self, rehearsal, name, document, change):
        self.rehearsal = rehearsal
        self.name = name
        self.document = document
        self.spec = policy.template_of(document)["spec"]
        self.change = change
        self.folder = rehearsal.folder / name
        self.folder.mkdir(exist_ok=True)
        self.running = {}
        self.volumes = {volume["name"]: self.volume(volume) for volume in self.spec.get("volumes", [])}
        for claim in document["spec"].get("volumeClaimTemplates", []):
            at = self.folder / f"claim-{claim['metadata']['name']}"
            at.mkdir(exist_ok=True)
            rehearsal.give_away(at)
            self.volumes[claim["metadata"]["name"]] = at

    def volume(self, volume):
        at = self.folder / f"volume-{volume['name']}"
        shutil.rmtree(at, ignore_errors=True)
        at.mkdir()
        files = {}
        if "configMap" in volume:
            files = self.rehearsal.find("ConfigMap", volume["configMap"]["name"])["data"]
        if "secret" in volume:
            files = self.rehearsal.vault.made[volume["secret"]["secretName"]]
            items = volume["secret"].get("items")
            files = {item["path"]: files[item["key"]] for item in items} if items else files
        for name, text in files.items():
            (at / name).write_text(text)
            shutil.chown(at / name, 0, USER)
            (at / name).chmod(0o440)
        self.rehearsal.give_away(at)
        return at

    def environment(self, container, config):
        values = dict(entry.split("=", 1) for entry in config["Env"])
        for source in container.get("envFrom", []):
            values |= self.rehearsal.find("ConfigMap", source["configMapRef"]["name"])["data"]
        for entry in container.get("env", []):
            value = entry.get("value")
            source = entry.get("valueFrom", {})
            if "secretKeyRef" in source:
                reference = source["secretKeyRef"]
                made = self.rehearsal.vault.made.get(reference["name"])
                if made is None and reference.get("optional"):
                    continue
                value = made[reference["key"]]
            elif "fieldRef" in source:
                value = {"metadata.name": self.name, "status.podIP": self.rehearsal.address(self.name)}[
                    source["fieldRef"]["fieldPath"]]
            values[entry["name"]] = self.expand(value, values)
        return values | self.change

    @staticmethod
    def expand(text, values):
        return re.sub(r"\$\((\w+)\)", lambda found: values.get(found[1], found[0]), text)

    def id(self, container):
        return f"{self.rehearsal.mark}-{self.name}-{container}"

    def start(self):
        for container in self.spec["containers"]:
            self.start_container(container)

    def start_container(self, container):
        root, config = self.rehearsal.root_of(container["image"])
        values = self.environment(container, config)
        command = container.get("command", config.get("Entrypoint") or [])
        command = [self.expand(word, values) for word in command + container.get("args", [])]
        bundle = self.folder / container["name"]
        shutil.rmtree(bundle, ignore_errors=True)
        bundle.mkdir()
        must("runc", "spec", cwd=bundle)
        spec = json.loads((bundle / "config.json").read_text())
        guard = container["securityContext"]
        assert guard["capabilities"] == {"drop": ["ALL"]} and guard["allowPrivilegeEscalation"] is False
        spec["root"] = {"path": root, "readonly": guard["readOnlyRootFilesystem"]}
        spec["hostname"] = self.name
        spec["process"] |= {
            "terminal": False, "args": command, "cwd": config.get("WorkingDir") or "/",
            "user": {"uid": self.spec["securityContext"]["runAsUser"], "gid": USER},
            "env": [f"{name}={value}" for name, value in (values | {"HOSTNAME": self.name}).items()],
            "capabilities": {}, "noNewPrivileges": True, "rlimits": []}
        for space in spec["linux"]["namespaces"]:
            if space["type"] == "network":
                space["path"] = f"/var/run/netns/{self.rehearsal.mark}-{self.name}"
        mounts = [(self.rehearsal.hosts, "/etc/hosts", True), (self.rehearsal.shared, "/shared", False)]
        mounts += [(self.volumes[mount["name"]], mount["mountPath"], mount.get("readOnly", False))
                   for mount in container.get("volumeMounts", [])]
        for source, target, readonly in mounts:
            spec["mounts"] = [m for m in spec["mounts"] if m["destination"] != target]
            spec["mounts"].append({"destination": target, "type": "bind", "source": str(source),
                                   "options": ["rbind", "ro" if readonly else "rw"]})
        (bundle / "config.json").write_text(json.dumps(spec))
        log = open(self.folder / f"{container['name']}.log", "a")
        subprocess.run(["runc", "delete", "--force", self.id(container["name"])], capture_output=True,
                       timeout=DEADLINE)
        self.running[container["name"]] = subprocess.Popen(
            ["runc", "run", "--bundle", str(bundle), self.id(container["name"])], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log)

    def execute(self, container, *command):
        return subprocess.run(["runc", "exec", self.id(container), *command], text=True, capture_output=True,
                              timeout=DEADLINE)

    def restart_ended(self):
        """As a kubelet does with a container that ended."""
        for container in self.spec["containers"]:
            if self.running[container["name"]].poll() is not None:
                self.start_container(container)

    def ready(self):
        self.restart_ended()
        return all(self.probe(c) for c in self.spec["containers"])

    def probe(self, container):
        probe = container["readinessProbe"]
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        inside = ["ip", "netns", "exec", f"{self.rehearsal.mark}-{self.name}"]
        if "exec" in probe:
            return self.execute(container["name"], *probe["exec"]["command"]).returncode == 0
        if "tcpSocket" in probe:
            address = f"/dev/tcp/127.0.0.1/{ports[probe['tcpSocket']['port']]}"
            command = [*inside, "bash", "-c", f": <{address}"]
        else:
            get = probe["httpGet"]
            command = [*inside, "curl", "-fsS", "-m", "5", "-o", "/dev/null",
                       f"http://127.0.0.1:{ports[get['port']]}{get['path']}"]
        return subprocess.run(command, capture_output=True, timeout=DEADLINE).returncode == 0

    def wait(self):
        """Of a Job: its exit code and what it wrote."""
        name = self.spec["containers"][0]["name"]
        code = self.running[name].wait(timeout=DEADLINE)
        return code, (self.folder / f"{name}.log").read_text()

    def kill(self):
        for name, process in self.running.items():
            subprocess.run(["runc", "kill", self.id(name), "KILL"], capture_output=True, timeout=DEADLINE)
            process.wait(timeout=DEADLINE)
            subprocess.run(["runc", "delete", "--force", self.id(name)], capture_output=True, timeout=DEADLINE)
