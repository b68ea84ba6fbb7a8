#!/usr/bin/env python3
"""Uses rwpctl as an operator does: on a store's file, and through an API pod.

usage: rwpctl_test.py RWPCTL API_POD WORKER_POD SOURCE_ROOT [unittest arguments]
"""

import hashlib
import http.server
import json
import os
import pty
import socket
import sqlite3
import subprocess
import threading

from pod_process import Pod, clean_environment, wait_for
from rwpctl_process import (CTL, API, WORKER, NOBODYS, DONE, USAGE, NOT_FOUND, UNREACHABLE,
                            REFUSED, FINDINGS, JOBS_FAILED, TIMED_OUT, REJECTED, CtlTest, main)


class CommandLineTest(CtlTest):
    def test_slips_are_answered_with_what_was_probably_meant(self):
        for arguments, meant in (
                (("job", "list"), "'rwpctl jobs'"), (("jobs", "lst"), "'rwpctl jobs list'"),
                (("jobs", "submit", "--flie", "x"), "--file"),
                (("jobs", "list", "--jobs-ulr", "x"), "--jobs-url"),
                (("jobs", "list", "--payload", "1"), "'rwpctl jobs submit'"),
                (("jobs", "list", "--state", "runing"), "running"),
                (("config", "--role", "wroker"), "worker"), (("jobs",), "submit, list, show"),
                (("jobs", "list", "--output", "xml"), "table, json or ndjson"),
                (("jobs", "show", "x"), "no id of a job"), (("jobs", "cancel"), "give ids"),
                (("jobs", "list", "--limit", "0"), "1 to 1000"),
                (("jobs", "submit"), "--kind"), (("jobs", "wait", "--timeout", "5"), "for which"),
                (("jobs", "list", "--limit"), "--limit"), (("jobs", "list", "--queue", ""), "not be empty"),
                (("jobs", "cancel", "--state", "failed", "--queue", ""), "not be empty"), (("doctor", "now"), "unexpected")):
            with self.subTest(arguments):
                self.sql_file()
                run = self.ctl(*arguments, code=USAGE)
                self.assertIn(meant, run.stderr)
                self.assertEqual(run.stdout, "")

    def sql_file(self):
        if not (self.here / "jobs.db").exists():
            self.ctl("jobs", "submit", "--kind", "k")

    def test_models_are_compared_on_cases(self):
        advert = "Title: Nurse\\n\\nWe look for a nurse who visits people at home in Leeds."
        case = '{"name":"%s","user":"Sum up","data":"' + advert + '","%s":["Leeds"]}'
        right = self.write("right.jsonl", [case % ("a", "contains"), case % ("b", "contains")])
        told = self.json("ai", "eval", right, "--model", "local:", "--model", "local:?dimensions=64")
        self.assertEqual([(m["cases"], m["right"]) for m in told["models"]], [(2, 2), (2, 2)])
        wrong = self.write("wrong.jsonl", [case % ("a", "contains"), case % ("b", "excludes")])
        run = self.ctl("ai", "eval", wrong, "--model", "local:", "--faults", code=FINDINGS)
        self.assertIn("b: ", run.stdout)
        self.assertIn("line 1", self.ctl("ai", "eval", self.write("bad", ["{"]), code=USAGE).stderr)

    def test_help_tells_each_command(self):
        top = self.ctl("--help").stdout
        for command in ("jobs", "queues", "keys", "config", "doctor", "verify", "Exit codes"):
            self.assertIn(command, top)
        submit = self.ctl("jobs", "submit", "--help").stdout
        self.assertIn("Usage: rwpctl jobs submit", submit)
        self.assertIn("--idempotency-key", submit)

    def test_store_that_is_not_there_is_not_made_by_looking(self):
        for command in (("jobs", "list"), ("queues", "list"), ("verify",), ("jobs", "show", NOBODYS)):
            run = self.ctl(*command, code=NOT_FOUND)
            self.assertIn("RWP_JOBS_URL", run.stderr)
        self.assertEqual(list(self.here.iterdir()), [])

    def test_config_tells_values_and_where_each_came_from_and_no_secret(self):
        (self.here / "secret").write_text("hush-hush\n")
        settings = {row["name"]: row for row in self.rows(
            "config", "--analytics-url", "http://h:1", OPENAI_API_KEY_FILE="secret",
            RWP_API_KEY="hush-too", RWP_AI_URL="http://user:hush-also@h/v1")}

        self.assertEqual(settings["RWP_ANALYTICS_URL"],
                         {"name": "RWP_ANALYTICS_URL", "value": "http://h:1", "source": "--analytics-url"})
        self.assertEqual(settings["RWP_JOBS_URL"]["source"], "RWP_JOBS_URL")
        self.assertEqual(settings["OPENAI_API_KEY"]["source"], "OPENAI_API_KEY_FILE")
        self.assertEqual(settings["RWP_DATA_DIR"], {"name": "RWP_DATA_DIR", "value": "rwp-data", "source": "default"})
        self.assertNotIn("hush", json.dumps(settings))
        worker = {row["name"] for row in self.rows("config", "--role", "worker")}
        self.assertIn("RWP_CONCURRENCY", worker)
        bad = self.ctl("config", code=USAGE, RWP_AI_URL="gopher:x")
        self.assertIn("RWP_AI_URL", bad.stderr)


class Desk:
    """The same behaviour on a store and through an API pod; see the two classes below."""

    def test_job_is_submitted_shown_cancelled_and_retried(self):
        made = self.json("jobs", "submit", "--kind", "k", "--queue", "q", "--payload", '{"a":[1]}',
                         "--tag", "x", "--tag", "y", "--delay", "1h", "--max-attempts", 3)
        self.assertEqual(made["outcome"], "created")
        job = self.json("jobs", "show", made["id"])
        self.assertEqual((job["payload"], job["tags"], job["queue"], job["state"], job["max_attempts"]),
                         ({"a": [1]}, ["x", "y"], "q", "scheduled", 3))

        self.assertEqual(self.rows("jobs", "cancel", made["id"]), [{"id": made["id"], "outcome": "cancelled"}])
        self.assertEqual(self.rows("jobs", "cancel", made["id"])[0]["outcome"], "already_ended")
        self.assertEqual(self.rows("jobs", "retry", made["id"]), [{"id": made["id"], "state": "ready"}])
        gone = self.ctl("jobs", "show", NOBODYS, made["id"], code=NOT_FOUND)
        self.assertIn(NOBODYS, gone.stderr)
        self.assertIn(made["id"], gone.stdout)
        self.ctl("jobs", "cancel", NOBODYS, code=NOT_FOUND)

    def test_list_filters_and_goes_on_at_its_cursor(self):
        lines = self.write("lines", [json.dumps({"n": n}) for n in range(25)])
        self.json("jobs", "submit", "--file", lines, "--kind", "k", "--queue", "a", "--tag", "t")
        self.json("jobs", "submit", "--kind", "other", "--queue", "b")

        page = self.json("jobs", "list", "--queue", "a", "--limit", 10)
        self.assertEqual([job["payload"]["n"] for job in page["jobs"]], list(range(24, 14, -1)))
        rest = self.json("jobs", "list", "--queue", "a", "--limit", 100, "--cursor", page["next_cursor"])
        self.assertEqual([job["payload"]["n"] for job in rest["jobs"]], list(range(14, -1, -1)))
        self.assertNotIn("next_cursor", rest)
        self.assertEqual(len(self.rows("jobs", "list", "--all")), 26)
        self.assertEqual(len(self.rows("jobs", "list", "--kind", "other", "--state", "ready,failed")), 1)
        self.assertEqual(len(self.rows("jobs", "list", "--tag", "t", "--created-before", "2020-01-01T00:00:00Z")), 0)
        self.assertEqual(self.json("jobs", "cancel", "--queue", "a"), {"cancelled": 25})
        self.assertEqual(self.json("jobs", "retry", "--state", "cancelled", "--queue", "a"), {"retried": 25})

    def test_file_submitted_again_submits_nothing_twice(self):
        lines = self.write("lines", [json.dumps({"n": n // 2}) for n in range(450)])
        first = self.json("jobs", "submit", "--file", lines, "--kind", "k")
        self.assertEqual({k: first[k] for k in ("lines", "created", "existing", "rejected")},
                         {"lines": 450, "created": 450, "existing": 0, "rejected": 0})

        again = self.json("jobs", "submit", "--file", lines, "--kind", "k", "--batch", 7)
        self.assertEqual((again["submit"], again["created"], again["existing"]), (first["submit"], 0, 450))
        piped = self.json("jobs", "submit", "--file", "-", "--kind", "k", stdin=(self.here / lines).read_text())
        self.assertEqual((piped["submit"], piped["existing"]), (first["submit"], 450))
        for other in (("--kind", "k2"), ("--kind", "k", "--queue", "q"), ("--kind", "k", "--run", "two")):
            self.assertEqual(self.json("jobs", "submit", "--file", lines, *other)["created"], 450, other)
        streamed = self.json("jobs", "submit", "--file", "-", "--kind", "k", "--run", "two", stdin=(self.here / lines).read_text())
        self.assertEqual(streamed["existing"], 450)

    def test_pipe_is_read_as_a_file_is(self):
        lines = self.write("lines", ["{}"] * 5)
        first = self.json("jobs", "submit", "--file", lines, "--kind", "k")
        os.mkfifo(self.here / "pipe")
        writer = subprocess.Popen(["cp", lines, "pipe"], cwd=self.here)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        piped = self.json("jobs", "submit", "--file", "pipe", "--kind", "k")
        self.assertEqual((piped["submit"], piped["existing"]), (first["submit"], 5))
        self.ctl("jobs", "submit", "--file", "/dev/zero", "--kind", "k", code=USAGE)

    def test_request_stays_within_what_a_pod_takes(self):
        job = {"kind": "k", "tags": ["t" * 60 + str(n) for n in range(15)], "unique": {"key": "u" * 500}}
        raw = self.write("raw", [json.dumps(job | {"unique": {"key": f"{n}" + "u" * 500}, "payload": "x" * 9_000})
                                 for n in range(1_000)])
        told = self.json("jobs", "submit", "--raw", "--file", raw, "--batch", 1_000)
        self.assertEqual(told["created"], 1_000)

    def test_bad_lines_are_told_with_number_and_rule_and_the_others_are_submitted(self):
        lines = self.write("lines", ['{"n":1}', "{nonsense", "", '{"n":2}', '"' + "x" * 1_200_000 + '"'])
        run = self.ctl("jobs", "submit", "--file", lines, "--kind", "k", "--rejects", "bad", "-o", "json", code=REJECTED)
        told = json.loads(run.stdout)
        self.assertEqual((told["created"], told["rejected"]), (2, 2))
        self.assertIn("lines, line 2:", run.stderr)
        self.assertIn("lines, line 5:", run.stderr)
        kept = [json.loads(line) for line in (self.here / "bad").read_text().splitlines()]
        self.assertEqual([row["line"] for row in kept], [2, 5])

        raw = self.write("raw", [
            '{"kind":"k","payload":1,"priority":"high","queue":"r"}', '{"kind":"k","payload":1,"bogus":2}',
            '{"payload":1}', '{"kind":"rwp.x"}', '{"kind":"k","idempotency_key":"own"}',
            '{"kind":"k","payload":2,"idempotency_key":"own"}', '{"kind":"k!"}'])
        run = self.ctl("jobs", "submit", "--raw", "--file", raw, "-o", "json", code=REJECTED)
        told = json.loads(run.stdout)
        self.assertEqual((told["created"], told["rejected"]), (2, 5), run.stderr)
        for number, rule in ((2, "bogus"), (3, "kind"), (4, "rwp."), (6, "payload"), (7, "kind")):
            self.assertRegex(run.stderr, f"raw, line {number}: .*{rule}")
        self.assertEqual(self.rows("jobs", "list", "--queue", "r")[0]["priority"], "high")

    def test_wait_ends_with_the_jobs_and_tells_how_they_ended(self):
        lines = self.write("lines", ["{}"] * 30)
        submit = self.json("jobs", "submit", "--file", lines, "--kind", "k")["submit"]
        late = self.json("jobs", "wait", "--submit", submit, "--timeout", "300ms", code=TIMED_OUT)
        self.assertEqual(late["open"], 30)
        one = self.rows("jobs", "list", "--limit", 1)[0]["id"]
        waiting = subprocess.Popen(
            [CTL, "jobs", "wait", one, "-o", "json"], cwd=self.here, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=clean_environment() | self.environment)
        self.addCleanup(waiting.stdout.close)
        self.addCleanup(waiting.wait)
        self.addCleanup(waiting.kill)
        self.json("jobs", "cancel", "--kind", "k")
        self.assertEqual(waiting.wait(timeout=60), JOBS_FAILED)
        self.assertEqual(json.loads(waiting.stdout.read())["cancelled"], 1)
        ended = self.json("jobs", "wait", "--submit", submit, code=JOBS_FAILED)
        self.assertEqual((ended["cancelled"], ended["open"]), (30, 0))
        self.ctl("jobs", "wait", NOBODYS, code=NOT_FOUND)
        self.ctl("jobs", "wait", "--submit", "0123456789abcdef", code=NOT_FOUND)

    def test_queues_are_paused_and_resumed(self):
        self.json("jobs", "submit", "--kind", "k", "--queue", "q")
        self.assertEqual(self.rows("queues", "pause", "q"), [{"name": "q", "paused": True}])
        self.assertTrue(next(q for q in self.rows("queues", "list") if q["name"] == "q")["paused"])
        self.assertIn("paused", self.ctl("queues", "list").stdout)
        self.assertEqual(self.rows("queues", "resume", "q"), [{"name": "q", "paused": False}])
        self.assertFalse(next(q for q in self.rows("queues", "list") if q["name"] == "q")["paused"])
        self.ctl("queues", "pause", "no such", code=USAGE)

    def test_tables_are_for_people_and_let_no_escape_through(self):
        self.json("jobs", "submit", "--kind", "k", "--payload", json.dumps("\x1b[31mred\u202e"))
        job = self.rows("jobs", "list")[0]
        shown = self.ctl("jobs", "show", job["id"]).stdout
        self.assertNotIn("\x1b", shown)
        self.assertNotIn("\u202e", shown)
        self.assertRegex(self.ctl("jobs", "list").stdout, r"(?m)^ID +STATE +QUEUE")


class StoreTest(Desk, CtlTest):
    def test_tenants_are_told_apart(self):
        self.json("jobs", "submit", "--kind", "k", "--tenant", "acme")
        self.json("jobs", "submit", "--kind", "k")
        self.assertEqual([job["tenant"] for job in self.rows("jobs", "list", "--tenant", "acme")], ["acme"])

    def test_store_that_is_locked_is_unreachable_and_no_job_is_lost(self):
        lines = self.write("lines", ["{}"] * 10)
        self.json("jobs", "submit", "--kind", "k")
        lock = sqlite3.connect(self.here / "jobs.db")
        self.addCleanup(lock.close)
        lock.execute("BEGIN IMMEDIATE")
        run = self.ctl("jobs", "submit", "--file", lines, "--kind", "k", code=UNREACHABLE,
                       RWP_JOBS_URL="sqlite:jobs.db?busy_timeout=100ms")
        self.assertIn("doctor", run.stderr)
        lock.rollback()
        self.assertEqual(self.json("jobs", "submit", "--file", lines, "--kind", "k")["created"], 10)


class ApiTest(Desk, CtlTest):
    SCOPES = "jobs:read,jobs:write,queues:write"

    def setUp(self):
        super().setUp()
        self.new_key("key", self.SCOPES)
        self.pod = self.start_api()
        self.environment |= {"RWP_API_URL": f"http://127.0.0.1:{self.pod.port}",
                             "RWP_API_KEY_FILE": "key"}

    def start_api(self, port=0):
        return Pod(self, API, "--listen", f"127.0.0.1:{port}", "--log-level", "error",
                   "--drain-delay", "0ms", "--jobs-url", "sqlite:jobs.db", "--api-keys-file", "keys",
                   cwd=self.here)

    def new_key(self, file, scopes, tenant="acme"):
        key = self.ctl("keys", "create", "--tenant", tenant, "--scopes", scopes).stdout.strip()
        (self.here / file).write_text(key)
        return key

    def test_pod_that_dies_is_waited_for_and_nothing_is_lost_or_doubled(self):
        lines = self.write("lines", [json.dumps({"n": n}) for n in range(3_000)])
        submit = subprocess.Popen(
            [CTL, "jobs", "submit", "--file", lines, "--kind", "k", "--batch", "50", "-o", "json"],
            cwd=self.here, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=clean_environment() | self.environment)
        self.addCleanup(submit.stdout.close)
        self.addCleanup(submit.stderr.close)
        self.addCleanup(submit.kill)
        wait_for(lambda: self.count() >= 100, "the first jobs")
        port = self.pod.port
        self.pod.kill()
        self.start_api(port)
        out, err = submit.communicate(timeout=120)
        self.assertEqual(submit.returncode, DONE, err)
        told = json.loads(out)
        self.assertEqual(told["created"] + told["existing"], 3_000)
        self.assertEqual(self.count(), 3_000)

    def count(self):
        with sqlite3.connect(f"file:{self.here}/jobs.db?mode=ro", uri=True, timeout=30) as database:
            counted = database.execute("SELECT count(*) FROM job").fetchone()[0]
        database.close()
        return counted

    def test_keys_that_may_not_are_refused_with_what_to_do(self):
        none = self.ctl("jobs", "list", code=REFUSED, RWP_API_KEY_FILE="")
        self.assertIn("RWP_API_KEY_FILE", none.stderr)
        wrong = self.ctl("jobs", "list", code=REFUSED, RWP_API_KEY_FILE="", RWP_API_KEY="rwp_0_123456789")
        self.assertIn("keys list", wrong.stderr)
        self.new_key("reader", "jobs:read")
        self.ctl("jobs", "submit", "--kind", "k", code=REFUSED, RWP_API_KEY_FILE="reader")
        wait_for(lambda: self.try_list("reader"), "the new key")
        lacks = self.ctl("jobs", "submit", "--kind", "k", code=REFUSED, RWP_API_KEY_FILE="reader")
        self.assertIn("jobs:write", lacks.stderr)
        self.assertIn("keys create", lacks.stderr)

    def try_list(self, file):
        run = subprocess.run([CTL, "jobs", "list"], cwd=self.here, capture_output=True, timeout=60,
                             env=clean_environment() | self.environment | {"RWP_API_KEY_FILE": file})
        return run.returncode == DONE

    def test_what_needs_the_store_says_so(self):
        self.assertIn("--jobs-url", self.ctl("verify", code=USAGE, RWP_JOBS_URL="").stderr)
        self.ctl("verify")
        self.json("jobs", "submit", "--kind", "k")
        self.assertIn("--jobs-url", self.ctl("jobs", "list", "--tenant", "acme", code=USAGE).stderr)
        listed = self.rows("jobs", "list", "--tenant", "acme", "--jobs-url", "sqlite:jobs.db")
        self.assertEqual(len(listed), 1)


class DeadServerTest(CtlTest):
    def test_dead_server_is_answered_at_once_with_what_to_check(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        for command in (("jobs", "list"), ("queues", "list"), ("jobs", "show", NOBODYS)):
            run = self.ctl(*command, code=UNREACHABLE, RWP_API_URL=f"http://127.0.0.1:{port}")
            self.assertIn(f"http://127.0.0.1:{port}", run.stderr)
            self.assertIn("is the API pod running", run.stderr)
        (self.here / "one").write_text("{}\n")
        run = self.ctl("jobs", "submit", "--file", "one", "--kind", "k", "--patience", "300ms",
                       code=UNREACHABLE, RWP_API_URL=f"http://127.0.0.1:{port}")
        self.assertIn("the same command goes on", run.stderr)

    def test_another_server_is_told_from_an_api_pod(self):
        worker = Pod(self, WORKER, "--listen", "127.0.0.1:0", "--log-level", "error",
                     "--drain-delay", "0ms", cwd=self.here)
        run = self.ctl("jobs", "list", code=NOT_FOUND, RWP_API_URL=f"http://127.0.0.1:{worker.port}")
        self.assertTrue(run.stderr)


class StrangeServerTest(CtlTest):
    """What answers there is no API pod, or one that has gone mad."""

    def serve(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = answer(self.path)
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.environment["RWP_API_URL"] = f"http://127.0.0.1:{server.server_port}"

    def test_what_it_says_reaches_no_terminal_as_it_is(self):
        self.serve(lambda path: (404, {"detail": "\x1b]0;title\x07gone\nrwpctl: all is well\u202e"}))
        told = self.ctl("jobs", "show", NOBODYS, code=NOT_FOUND).stderr
        self.assertIn("gone", told)
        self.assertNotRegex(told, "[\x1b\x07\u202e]")
        self.assertEqual(len(told.splitlines()), 1)

    def test_list_that_breaks_off_shows_what_came_and_where_it_goes_on(self):
        page = {"jobs": [{"id": NOBODYS, "state": "ready"}], "next_cursor": "abc"}
        self.serve(lambda path: (503, {"detail": "away"}) if "cursor" in path else (200, page))
        told = self.json("jobs", "list", "--all", code=UNREACHABLE)
        self.assertEqual((told["jobs"], told["next_cursor"]), (page["jobs"], "abc"))
        self.assertIn(NOBODYS, self.ctl("jobs", "list", "--all", code=UNREACHABLE).stdout)


class KeysTest(CtlTest):
    def test_keys_are_made_listed_and_revoked_and_pods_see_it(self):
        key = self.ctl("keys", "create", "--tenant", "acme", "--scopes", "jobs:read").stdout.strip()
        made = self.json("keys", "create", "--tenant", "globex", "--scopes", "jobs:read,jobs:write")
        self.assertEqual(self.here.joinpath("keys").stat().st_mode & 0o777, 0o600)
        content = (self.here / "keys").read_text()
        self.assertIn(hashlib.sha256(key.encode()).hexdigest(), content)
        self.assertNotIn(key.split("_")[2], content)
        ident = key.split("_")[1]
        listed = {row["id"]: row for row in self.rows("keys", "list")}
        self.assertEqual((listed[ident]["tenant"], listed[ident]["scopes"]), ("acme", ["jobs:read"]))
        self.assertEqual(listed[made["id"]]["scopes"], ["jobs:read", "jobs:write"])
        pod = Pod(self, API, "--listen", "127.0.0.1:0", "--log-level", "error", "--drain-delay",
                  "0ms", "--api-keys-file", "keys", cwd=self.here)
        self.assertEqual(pod.ask("GET", "/v1/jobs", key=key).status, 200)

        self.assertEqual(self.rows("keys", "revoke", ident), [{"id": ident, "outcome": "revoked"}])

        wait_for(lambda: pod.ask("GET", "/v1/jobs", key=key).status == 401, "the revocation")
        self.assertEqual(pod.ask("GET", "/v1/jobs", key=made["key"]).status, 200)
        self.assertEqual([row["id"] for row in self.rows("keys", "list")], [made["id"]])
        self.assertEqual(len(self.rows("keys", "list", "--revoked")), 2)
        self.ctl("keys", "revoke", ident, code=NOT_FOUND)
        self.ctl("keys", "revoke", "nobody", code=NOT_FOUND)

    def test_bad_input_is_refused(self):
        for arguments in (("--scopes", "jobs:read"), ("--tenant", "a"), ("--tenant", "a b", "--scopes", "jobs:read"),
                          ("--tenant", "a", "--scopes", "jobs:fly")):
            self.ctl("keys", "create", *arguments, code=USAGE)
        whole = self.ctl("keys", "create", "--tenant", "a", "--scopes", "jobs:read").stdout.strip()
        run = self.ctl("keys", "revoke", whole, code=USAGE)
        self.assertNotIn(whole, run.stderr)
        self.assertIn("RWP_API_KEYS_FILE", self.ctl("keys", "list", code=USAGE, RWP_API_KEYS_FILE="").stderr)
        (self.here / "keys").write_text("{broken\n")
        self.assertIn("line 1", self.ctl("keys", "list", code=USAGE).stderr)


class TerminalTest(CtlTest):
    def on_terminal(self, *arguments):
        """Runs rwpctl with a terminal as standard error; answers what was drawn there."""
        master, slave = pty.openpty()
        with subprocess.Popen([CTL, *map(str, arguments)], cwd=self.here, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=slave,
                              env=clean_environment() | self.environment) as run:
            os.close(slave)
            drawn = b""
            while True:
                try:
                    piece = os.read(master, 65536)
                except OSError:
                    break
                if not piece:
                    break
                drawn += piece
            out = run.stdout.read()
        os.close(master)
        return run.returncode, out.decode(), drawn.decode()

    def test_bar_is_drawn_on_a_terminal_and_nowhere_else(self):
        self.json("jobs", "submit", "--kind", "k")
        one = self.rows("jobs", "list")[0]["id"]
        code, _, drawn = self.on_terminal("jobs", "wait", one, "--timeout", "2s")
        self.assertEqual(code, TIMED_OUT)
        self.assertIn("waiting", drawn)
        self.assertIn("0 of 1", drawn)
        quiet = self.ctl("jobs", "wait", one, "--timeout", "1s", code=TIMED_OUT)
        self.assertNotIn("waiting", quiet.stderr)


if __name__ == "__main__":
    main()
