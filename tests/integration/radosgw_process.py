"""A Ceph gateway of a test's own, its requests signed by hand (Signature V2, which it knows as well),
so that what it holds is seen without the library's client."""

import base64
import hashlib
import hmac
import http.client
import email.utils
import pathlib
import shutil
import subprocess
import urllib.parse
import xml.etree.ElementTree

from rwpctl_process import free_port

KEY, SECRET = "testaccess", "testsecret123456"


def is_installed():
    return bool(shutil.which("radosgw") and shutil.which("s3cmd"))


class RadosgwProcess:
    """On free ports of 127.0.0.1, with the bucket "objects"; its objects are in memory."""

    def __init__(self, test, folder):
        script = pathlib.Path(__file__).parents[1] / "support/radosgw.sh"
        told = ""
        for attempt in range(5):  # Another process may take a port between the look and the start.
            if told == "ready\n":
                break
            ports = [str(free_port()) for _ in range(4)]
            gateway = subprocess.Popen(["bash", script, pathlib.Path(folder) / f"ceph{attempt}", *ports],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            test.addCleanup(gateway.communicate)
            told = gateway.stdout.readline()
        test.assertEqual(told, "ready\n")
        self.port = int(ports[2])

    def url(self, prefix):
        return f"s3://objects/{prefix}?endpoint=http://127.0.0.1:{self.port}"

    def ask(self, method, key="", query="", body=None):
        """`query`: of subresources alone, in their order, not encoded."""
        path = "/objects" + ("/" + urllib.parse.quote(key) if key else "")
        date = email.utils.formatdate(usegmt=True)
        signed = query.split("&prefix")[0]
        text = f"{method}\n\n\n{date}\n{path}" + (f"?{signed}" if signed else "")
        signature = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path + (f"?{query}" if query else ""), body=body,
                               headers={"Date": date, "Authorization": f"AWS {KEY}:{signature}"})
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status < 300, (method, path, query, answer.status, content)
            return content
        finally:
            connection.close()

    def keep_versions(self):
        self.ask("PUT", query="versioning",
                 body=b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")

    def everything(self):
        """(key, bytes) of each version of each object; of a removal's mark, no bytes. A thousand at most."""
        space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
        listing = xml.etree.ElementTree.fromstring(self.ask("GET", query="versions"))
        assert listing.findtext(space + "IsTruncated") == "false"
        for one in listing:
            if one.tag not in (space + "Version", space + "DeleteMarker"):
                continue
            key, version = one.findtext(space + "Key"), one.findtext(space + "VersionId")
            content = b""
            if one.tag == space + "Version":
                content = self.ask("GET", key, f"versionId={version}")
            yield key, content
