#!/usr/bin/env python3
"""A collector that takes events as Google Analytics 4 does, and notes their ids: a line each.

usage: fake_google.py PORT FILE
"""

import http.server
import json
import sys
import threading
import urllib.parse

LOCK = threading.Lock()


class Google(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = urllib.parse.urlsplit(self.path)
        asked = urllib.parse.parse_qs(parts.query)
        # Google answers 2xx whatever it is told; the cluster is to learn of a slip.
        if parts.path != "/mp/collect" or not asked.get("measurement_id") or not asked.get("api_secret"):
            return self.answer(400)
        lines = "".join(f"{event['params'].get('event_id', '')} {event['name']}\n"
                        for event in json.loads(body)["events"])
        with LOCK, open(sys.argv[2], "a", encoding="utf-8") as out:
            out.write(lines)
        return self.answer(204)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Google).serve_forever()
