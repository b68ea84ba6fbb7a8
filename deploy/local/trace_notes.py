#!/usr/bin/env python3
"""Takes spans by OTLP/HTTP and notes them: trace, service, kind and name, a line each.

usage: trace_notes.py PORT FILE
"""

import http.server
import json
import sys
import threading

LOCK = threading.Lock()


class Traces(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body=b"{}"):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer()

    def do_POST(self):
        lines = []
        for resource in json.loads(self.rfile.read(int(self.headers["Content-Length"])))["resourceSpans"]:
            service = next(a["value"]["stringValue"] for a in resource["resource"]["attributes"]
                           if a["key"] == "service.name")
            lines += [json.dumps({"trace": s["traceId"], "span": s["spanId"], "parent": s.get("parentSpanId", ""),
                                  "service": service, "kind": s["kind"], "name": s["name"]}) + "\n"
                      for scope in resource["scopeSpans"] for s in scope["spans"]]
        with LOCK, open(sys.argv[2], "a", encoding="utf-8") as out:
            out.writelines(lines)
        self.answer()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Traces).serve_forever()
