#!/usr/bin/env python3
"""Notes what Alertmanager tells: a JSON object a line with time, alert, state.

usage: alert_notes.py PORT FILE
"""

import http.server
import json
import sys
import time


class Notes(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[2], "a", encoding="utf-8") as out:
            for alert in body["alerts"]:
                out.write(json.dumps({"time": time.time(), "alert": alert["labels"]["alertname"],
                                      "state": alert["status"], "labels": alert["labels"]}) + "\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Notes).serve_forever()
