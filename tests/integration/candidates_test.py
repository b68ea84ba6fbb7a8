#!/usr/bin/env python3
"""Candidates and matches as jobs of a running program: CVs as text, HTML, DOCX and PDF, by POST and
out of the object store, with the local model and through an OpenAI-compatible service.

usage: candidates_test.py STANDALONE FAKE_OPENAI SOURCE_ROOT
"""

import base64
import html
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

from pod_process import Pod, new_key, wait_for

STANDALONE, FAKE, ROOT = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
SAMPLES = ROOT / "examples/data/candidates"
ADVERTS = [json.loads(line) for line in
           (ROOT / "examples/data/job_ads.jsonl").read_text().splitlines()]
KEY = "sk-test-key-of-nobody"


def text_of(sample):
    return (SAMPLES / f"{sample}.txt").read_text()


def expected_of(sample):
    return json.loads((SAMPLES / f"{sample}.json").read_text())


def as_html(text):
    lines = "".join(f"<p>{html.escape(line)}</p>\n" for line in text.splitlines())
    return (f"<!DOCTYPE html><html><head><meta charset='utf-8'><title>CV</title><script>var a='no';"
            f"</script></head><body>{lines}</body></html>").encode()


def as_docx(text):
    body = "".join(f"<w:p><w:r><w:t xml:space='preserve'>{html.escape(line)}</w:t></w:r></w:p>"
                   for line in text.splitlines())
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    packages = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<?xml version="1.0"?><Types xmlns="{packages}/content-types">'
                         '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                         f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>')
        archive.writestr("_rels/.rels", f'<?xml version="1.0"?><Relationships xmlns="{packages}/relationships">'
                         f'<Relationship Id="r1" Type="{office}" Target="word/document.xml"/></Relationships>')
        archive.writestr("word/document.xml", f'<?xml version="1.0"?><w:document xmlns:w="{namespace}">'
                         f"<w:body>{body}</w:body></w:document>")
    return out.getvalue()


def as_pdf(text):
    """One page for each fifty lines, in Helvetica; characters beyond Windows-1252 as question marks."""
    lines = text.splitlines()
    pages = [lines[i:i + 50] for i in range(0, len(lines), 50)]
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", None,
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    kids = []
    for page in pages:
        drawn = "BT /F1 10 Tf 14 TL 50 800 Td\n"
        for line in page:
            safe = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
            drawn += f"({safe}) Tj T*\n"
        content = (drawn + "ET").encode("cp1252", "replace").decode("cp1252")
        size = len(content.encode("cp1252"))
        objects.append(f"<< /Length {size} >>\nstream\n{content}\nendstream")
        objects.append("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>"
                       f" /Contents {len(objects)} 0 R >>")
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("cp1252", "replace")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{place:010d} 00000 n \n" for place in places).encode()
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return out


FORMATS = {"text/html": as_html, "application/pdf": as_pdf,
           "application/vnd.openxmlformats-officedocument.wordprocessingml.document": as_docx}


class CandidatesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-candidates-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *flags, environment=None):
        self.pod = Pod(self, STANDALONE, "--listen", "127.0.0.1:0", "--data-dir", self.folder / "data",
                       "--drain-delay", "0ms", *(flags or ("--allow-anonymous",)), cwd=self.folder,
                       environment=environment)

    def events(self):
        file = self.folder / "data/events.jsonl"
        # The last line may still be on its way.
        whole = file.read_text().rpartition("\n")[0] if file.exists() else ""
        return [json.loads(line) for line in whole.splitlines()]

    def job(self, kind, payload, key=None):
        answer = self.pod.ask("POST", "/v1/jobs?wait=60s",
                              {"kind": kind, "max_attempts": 1, "payload": payload}, key=key)
        self.assertIn(answer.status, (200, 201), answer.body)
        return answer.json()

    def done(self, kind, payload, key=None):
        job = self.job(kind, payload, key)
        self.assertEqual(job["state"], "succeeded", job)
        return job["result"]

    def refused(self, kind, payload, words, key=None):
        job = self.job(kind, payload, key)
        self.assertEqual(job["state"], "failed", job)
        message = job["errors"][-1]["message"]
        self.assertIn(words, message)
        return message

    def assert_read(self, candidate, expected, what):
        for field in ("name", "emails", "phones"):
            self.assertEqual(json.dumps(candidate[field]).lower(),
                             json.dumps(expected[field]).lower(), what)
        self.assertAlmostEqual(candidate["years_experience"], expected["years_experience"], delta=0.3,
                               msg=what)
        self.assertEqual([post["start"] for post in candidate["experience"]],
                         [post["start"] for post in expected["experience"]], what)

    def test_document_says_the_same_in_every_format(self):
        self.start()
        for sample in ("01-staff-nurse-leeds", "06-psychiatrist", "11-us-resume-accountant",
                       "23-occupational-therapist-prose", "28-midwife-irish"):
            expected = expected_of(sample)
            for media_type, make in FORMATS.items():
                document = {"content_base64": base64.b64encode(make(text_of(sample))).decode(),
                            "media_type": media_type, "file_name": "cv"}
                result = self.done("candidate.parse", {"id": sample, "document": document,
                                                       "as_of": expected["as_of"]})
                self.assertEqual(result["document"]["media_type"], media_type)
                self.assert_read(result["candidate"], expected, f"{sample} as {media_type}")

    def test_candidate_and_advert_meet_in_a_match(self):
        self.start()
        for number, sample in (("1", "01-staff-nurse-leeds"), ("2", "05-hgv-driver-felixstowe")):
            result = self.done("candidate.parse", {"id": f"cv-{number}", "text": text_of(sample),
                                                   "as_of": "2025-06-30"})
            self.assertEqual(result["object"], f"candidates/cv-{number}.json")
            self.assertEqual(result["candidate"]["provenance"]["model"], "rwp-local")
            self.assertTrue((self.folder / "data/objects" / result["object"]).exists())
        nurse_post = next(ad for ad in ADVERTS if ad["title"].startswith("Registered Nurse"))
        self.done("job_ad.enrich", nurse_post)

        nurse = self.done("match.score", {"candidate_id": "cv-1", "ad_id": nurse_post["id"]})
        driver = self.done("match.score", {"candidate_id": "cv-2", "ad_id": nurse_post["id"]})
        again = self.done("match.score", {"candidate_id": "cv-1", "ad_id": nurse_post["id"]})

        self.assertGreater(nurse["score"], driver["score"] + 10)
        self.assertIn("Orthopaedics", " ".join(nurse["reasons"]))
        self.assertEqual(nurse, again)
        self.assertAlmostEqual(sum(part["weight"] for part in nurse["categories"]), 1.0, places=6)
        wait_for(lambda: len(self.events()) >= 6, "the events of six jobs")
        names = sorted(event["name"] for event in self.events())
        self.assertEqual(names, ["candidate_parsed"] * 2 + ["job_ad_enriched"] + ["match_scored"] * 3)
        # Events tell nothing of the person, not even the id.
        for word in ("Amelia", "Hartley", "cv-1", "example.org", "Okonkwo"):
            self.assertNotIn(word, json.dumps(self.events()))

    def test_bad_payload_names_its_field(self):
        self.start()
        self.refused("candidate.parse", {"text": "x"}, '"id" is missing')
        self.refused("candidate.parse", {"id": "a"}, "text: ")
        self.refused("candidate.parse", {"id": "a", "text": " \n"}, "text: ")
        self.refused("candidate.parse", {"id": "a", "text": "x", "as_of": "soon"}, "as_of: ")
        self.refused("candidate.parse", {"id": "a", "text": "x" * 120_001}, "text: ")
        self.refused("candidate.parse", {"id": "a", "document": {}}, "document: ")
        self.refused("candidate.parse", {"id": "a", "document": {"content_base64": "no base64"}},
                     "document.content_base64: ")
        self.refused("candidate.parse", {"id": "a", "document": {"object": "enriched/x.json"}},
                     "document.object: ")
        self.refused("match.score", {"ad_id": "x"}, "candidate_id: ")
        self.refused("match.score", {"candidate_id": "nobody", "ad_id": "x"}, "candidate_id: ")
        self.refused("match.score", {"candidate": {"headline": 7}, "ad_id": "x"}, "candidate.headline")

    def test_broken_document_fails_its_job_and_nothing_else(self):
        self.start()
        whole = as_pdf(text_of("01-staff-nurse-leeds"))
        for content, words in ((whole[:len(whole) // 2], "document: document_damaged"),
                               (b"\x89PNG\r\n\x1a\n" + bytes(400), "document: document_unsupported_type"),
                               (b"PK\x03\x04" + bytes(60), "document: document_")):
            self.refused("candidate.parse", {"id": "a", "document": {
                "content_base64": base64.b64encode(content).decode(),
                "media_type": "application/pdf"}}, words)
        self.done("candidate.parse", {"id": "b", "text": text_of("01-staff-nurse-leeds")})

    def test_tenants_do_not_read_each_others_candidates_or_uploads(self):
        keys = {tenant: new_key(STANDALONE.parent / "api_pod", self.folder, tenant,
                                "jobs:read,jobs:write") for tenant in ("acme", "other")}
        self.start("--api-keys-file", self.folder / "keys")
        upload = self.folder / "data/objects/uploads/acme/cv.html"
        upload.parent.mkdir(parents=True)
        upload.write_bytes(as_html(text_of("01-staff-nurse-leeds")))
        payload = {"id": "cv-1", "document": {"object": "uploads/acme/cv.html"}}

        mine = self.done("candidate.parse", payload, key=keys["acme"])

        self.assertEqual(mine["candidate"]["name"], "Amelia Hartley")
        self.assertEqual(mine["object"], "candidates/acme/cv-1.json")
        self.refused("candidate.parse", payload, "document.object: ", key=keys["other"])
        self.refused("match.score", {"candidate_id": "cv-1", "ad_id": "x"}, "candidate_id: ",
                     key=keys["other"])

    def test_openai_compatible_service_answers_both(self):
        fake = subprocess.Popen([FAKE, "--listen", "127.0.0.1:0", "--key", KEY, "--every",
                                 "misfit=3"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(fake.stdout.close)
        self.addCleanup(fake.wait)
        self.addCleanup(fake.terminate)
        url = fake.stdout.readline().split()[-1]
        self.start("--allow-anonymous", "--ai-url", url, environment={"RWP_AI_API_KEY": KEY})
        sample = "10-physio-overlap"

        parsed = self.done("candidate.parse", {"id": "cv-1", "text": text_of(sample),
                                               "as_of": "2025-06-30"})["candidate"]
        post = next(ad for ad in ADVERTS if ad["title"].startswith("Physiotherapist"))
        self.done("job_ad.enrich", post)
        match = self.done("match.score", {"candidate_id": "cv-1", "ad_id": post["id"]})

        self.assertEqual(parsed["provenance"]["model"], "fake-gpt")
        self.assert_read(parsed, expected_of(sample), sample)
        self.assertEqual(match["provenance"]["model"], "fake-gpt")
        self.assertIsNotNone(match["similarity"])
        self.assertGreater(match["score"], 45)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
