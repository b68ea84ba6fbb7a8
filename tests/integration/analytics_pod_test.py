#!/usr/bin/env python3
"""Hostile and ordinary clients of analytics_pod, over real sockets, and what a kill -9 leaves.

usage: analytics_pod_test.py ANALYTICS_POD API_POD
"""

import http.client
import http.server
import json
import pathlib
import socket
import sys
import tempfile
import threading
import unittest
import uuid

import logged_pod

ANALYTICS_POD, API_POD = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
COLLECT = "/mp/collect?measurement_id=G-TEST1&api_secret="


def event(name="job_viewed", **parameters):
    return {"client_id": "c1", "events": [{"name": name, "params": parameters}]}


class AnalyticsPodTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-analytics-")
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)

    def start(self, *arguments):
        return logged_pod.start(self, ANALYTICS_POD, self.here, "--allow-anonymous",
                                 "--drain-delay", "100ms", *arguments)

    def send(self, pod, body, path=COLLECT, method="POST", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=20)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            connection.request(method, path, body, {"Content-Type": "application/json"} | headers)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def refused(self, pod, status, field, body, path=COLLECT, method="POST"):
        answer, text = self.send(pod, body, path, method)
        self.assertEqual(answer.status, status, text)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = json.loads(text)
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem.get("field", ""), field, problem)
        self.assertTrue(problem["detail"])
        return problem

    def recorded(self):
        """The ids of the events in the sink's file, in its order."""
        path = self.here / "rwp-data" / "events.jsonl"
        if not path.exists():
            return []
        return [json.loads(line)["id"] for line in path.read_text().splitlines()]


class CollectTest(AnalyticsPodTest):
    def test_accepted_events_reach_the_sink_and_repeated_ones_once(self):
        pod = self.start()
        ids = [str(uuid.uuid4()) for _ in range(60)]
        for _ in range(2):
            for at in range(0, 60, 20):
                body = {"client_id": "c1", "events": [
                    {"name": "job_viewed", "params": {"event_id": one, "job_id": "7"}}
                    for one in ids[at:at + 20]]}
                answer, text = self.send(pod, body)
                self.assertEqual((answer.status, text), (204, b""))
        logged_pod.wait_for(lambda: len(set(self.recorded())) == 60)
        self.assertEqual(pod.stop(), 0, pod.log())
        self.assertEqual(sorted(self.recorded()), sorted(ids))

    def test_validation_answers_as_googles(self):
        pod = self.start()
        answer, text = self.send(pod, event("page_view"), "/debug" + COLLECT)
        self.assertEqual(answer.status, 200)
        (message,) = json.loads(text)["validationMessages"]
        self.assertEqual(message["fieldPath"], "events[0].name")
        self.assertEqual(message["validationCode"], "NAME_RESERVED")
        answer, text = self.send(pod, event(), "/debug" + COLLECT)
        self.assertEqual(json.loads(text), {"validationMessages": []})


class HostileInputTest(AnalyticsPodTest):
    def test_what_google_would_take_in_silence_is_refused(self):
        pod = self.start()
        good = event()
        self.refused(pod, 400, "", "{")
        self.refused(pod, 400, "", b'{"client_id":"\xff"}')
        self.refused(pod, 400, "", "[" * 60_000)
        self.refused(pod, 400, "", [])
        self.refused(pod, 400, "client_id", {"events": good["events"]})
        self.refused(pod, 400, "events", good | {"events": good["events"] * 26})
        self.refused(pod, 400, "colour", good | {"colour": "red"})
        self.refused(pod, 400, "events[0].name", event("x" * 41))
        self.refused(pod, 400, "events[0].params.x", event(x={"y": 1}))
        self.refused(pod, 400, "events[0].params.x", event(x="y" * 101))
        self.refused(pod, 400, "measurement_id", good, "/mp/collect?api_secret=x")
        self.refused(pod, 400, "firebase_app_id", good, "/mp/collect?firebase_app_id=x")
        self.assertEqual(self.send(pod, "x" * 130_001)[0].status, 413)
        self.assertEqual(self.send(pod, None, method="GET")[0].status, 405)
        self.assertEqual(self.send(pod, good, "/mp/collect/more")[0].status, 404)
        for data in (b"POST " + COLLECT.encode() + b" HTTP/1.1\r\nHost: x\r\n"
                     b"Content-Length: 99\r\n\r\n{", b"\0\0\0\0\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", pod.port), timeout=20) as client:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                told = client.recv(65536)
                self.assertTrue(told == b"" or told.startswith(b"HTTP/1.1 4"), told[:100])
        self.assertTrue(pod.ready())
        self.assertEqual(self.send(pod, good)[0].status, 204)

    def test_secret_is_asked_for_and_never_logged(self):
        keys = self.here / "keys.jsonl"
        good = logged_pod.new_key(API_POD, keys, "acme", "events:write")
        other = logged_pod.new_key(API_POD, keys, "acme", "jobs:read")
        pod = logged_pod.start(self, ANALYTICS_POD, self.here, "--api-keys-file", keys)
        for path in ("/mp/collect", "/debug/mp/collect"):
            path += "?measurement_id=G-TEST1"
            self.assertEqual(self.send(pod, event(), path)[0].status, 401)
            self.assertEqual(self.send(pod, event(), path + "&api_secret=")[0].status, 401)
            self.assertEqual(self.send(pod, event(), path + "&api_secret=wrong-one")[0].status, 401)
            self.assertEqual(self.send(pod, event(), path + "&api_secret=" + other)[0].status, 403)
        self.assertEqual(self.send(pod, event(), COLLECT + good)[0].status, 204)
        self.refused(pod, 403, "events[0].params.tenant", event(tenant="globex"), COLLECT + good)
        logged_pod.wait_for(self.recorded)
        log = pod.log()
        for secret in (good, other, "wrong-one", "api_secret"):
            self.assertNotIn(secret, log)


class KillTest(AnalyticsPodTest):
    def test_what_was_answered_survives_kill_9_and_is_recorded_once(self):
        pod = self.start()
        answered = []
        stopped = threading.Event()

        def post():
            while not stopped.is_set():
                one = str(uuid.uuid4())
                try:
                    answer, _ = self.send(pod, event(event_id=one))
                except (OSError, http.client.HTTPException):
                    return
                if answer.status == 204:
                    answered.append(one)

        for _ in range(2):
            posters = [threading.Thread(target=post) for _ in range(8)]
            for poster in posters:
                poster.start()
            enough = len(answered) + 150
            logged_pod.wait_for(lambda: len(answered) >= enough)
            pod.kill()
            for poster in posters:
                poster.join(30)
            pod = self.start()
        # Repeated by a client that had no answer: recorded already, or now.
        for one in answered[:20]:
            self.assertEqual(self.send(pod, event(event_id=one))[0].status, 204)
        logged_pod.wait_for(lambda: set(answered) <= set(self.recorded()))
        self.assertEqual(pod.stop(), 0, pod.log())

        recorded = self.recorded()
        self.assertEqual(len(recorded), len(set(recorded)), "something was recorded twice")
        again = self.start()
        self.assertTrue(again.ready())
        self.assertEqual(again.stop(), 0)
        # What nobody had an answer to may come only now, and like all others once.
        after = self.recorded()
        self.assertEqual(after[:len(recorded)], recorded)
        self.assertEqual(len(after), len(set(after)), "something was forwarded again")


class Google(http.server.ThreadingHTTPServer):
    """A collector upstream that is away when told, and keeps the ids that come, by client."""

    daemon_threads = True

    def __init__(self):
        self.away = False
        self.refused = 0
        self.arrived = []
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), GoogleHandler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def handle_error(self, request, client_address):
        """A pod that is killed breaks its connections off."""

    def url(self):
        return f"ga4:http://127.0.0.1:{self.server_address[1]}?measurement_id=G-UP&names=platform"

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class GoogleHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            if self.server.away:
                self.server.refused += 1
                status = 503
            else:
                self.server.arrived += [(body["client_id"], one["params"]["event_id"])
                                        for one in body["events"]]
                status = 204
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class OutageTest(AnalyticsPodTest):
    def test_nothing_answered_is_lost_or_overtaken_over_kills_and_an_outage(self):
        google = Google()
        self.addCleanup(google.close)
        answered = {f"c{i}": [] for i in range(4)}
        pods = [self.start("--analytics-url", google.url())]
        stopped = threading.Event()

        def post(client):
            # One after another, each until it is answered: their order is that of the answers.
            while not stopped.is_set():
                one = str(uuid.uuid4())
                body = {"client_id": client, "events": [
                    {"name": "job_viewed", "params": {"event_id": one, "job_id": "7"}}]}
                while not stopped.is_set():
                    try:
                        answer, _ = self.send(pods[-1], body)
                    except (OSError, http.client.HTTPException):
                        continue
                    if answer.status == 204:
                        answered[client].append(one)
                        break

        posters = [threading.Thread(target=post, args=(client,)) for client in answered]
        for poster in posters:
            poster.start()
        try:
            for away in (False, True, True, False):
                with google.lock:
                    google.away = away
                    refused = google.refused
                enough = sum(map(len, answered.values())) + 100
                logged_pod.wait_for(lambda: sum(map(len, answered.values())) >= enough)
                if away:
                    logged_pod.wait_for(lambda: google.refused > refused)
                pods[-1].kill()
                pods.append(self.start("--analytics-url", google.url()))
        finally:
            stopped.set()
            for poster in posters:
                poster.join(60)
        with google.lock:
            google.away = False
        ids = {one for each in answered.values() for one in each}
        logged_pod.wait_for(lambda: ids <= {one for _, one in google.arrived}, 60)
        self.assertEqual(pods[-1].stop(), 0, pods[-1].log())

        # What came twice came under its id; the first arrivals are in order.
        for client, sent in answered.items():
            first = list(dict.fromkeys(one for at, one in google.arrived if at == client))
            self.assertEqual([one for one in first if one in ids], sent)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
