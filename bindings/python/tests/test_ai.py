"""rwp.ai: any model by URL."""

from __future__ import annotations

import http.server
import json
import math
import threading
from typing import Any, Iterator, List

import pytest

import rwp

SECRET = "sk-of-nobody-0123456789"


def test_the_offline_model_chats() -> None:
    reply = rwp.ai.chat("Summarise: The company seeks a Python engineer in Leeds. Pay is good.")
    assert reply.model == "rwp-local" and reply.content and reply.finish_reason == "stop"


def test_like_texts_have_like_vectors() -> None:
    with rwp.ai.Model("local:") as model:
        reply = model.embed(["a senior Python engineer", "a Python engineer", "a pastry chef"])
        assert len(reply.vectors) == 3 and model.default_model
    first, second, third = reply.vectors
    assert math.isclose(sum(x * x for x in first), 1, rel_tol=1e-3)
    def likeness(left: List[float], right: List[float]) -> float:
        return sum(x * y for x, y in zip(left, right))
    assert likeness(first, second) > likeness(first, third)


class Service(http.server.BaseHTTPRequestHandler):
    """Speaks enough of the protocol for what is asked here, and records it."""

    asked: List[Any] = []
    status = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Service.asked.append((self.path, self.headers["Authorization"], body))
        answer = {
            "id": "c1", "object": "chat.completion", "created": 1, "model": "m-1",
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": "{\"fruit\": \"pear\"}"}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        } if Service.status == 200 else {"error": {"message": "no", "type": "x", "code": "y"}}
        data = json.dumps(answer).encode()
        self.send_response(Service.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    Service.asked, Service.status = [], 200
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_compatible_service_is_asked(service: str) -> None:
    with rwp.ai.Model(service, key=SECRET, model="m-1") as model:
        reply = model.chat([{"role": "system", "content": "Be short."},
                            {"role": "user", "content": "Name a fruit."}],
                           schema={"type": "object"}, temperature=0, max_output_tokens=20,
                           timeout=60)
        assert SECRET not in repr(model)
    assert reply.json() == {"fruit": "pear"}
    assert (reply.model, reply.usage.input_tokens, reply.usage.output_tokens) == ("m-1", 5, 7)
    path, authorization, body = Service.asked[0]
    assert (path, authorization) == ("/v1/chat/completions", f"Bearer {SECRET}")
    assert body["model"] == "m-1" and [m["role"] for m in body["messages"]] == ["system", "user"]


def test_a_refused_key_is_an_error_without_it(service: str) -> None:
    Service.status = 401
    with pytest.raises(rwp.Unauthenticated) as raised:
        rwp.ai.chat("x", url=service, key=SECRET, model="m")
    assert SECRET not in str(raised.value) and not raised.value.retryable


@pytest.mark.parametrize("messages", [
    [], [{"role": "user"}], [{"role": "boss", "content": "x"}], ["x"], [{"role": 1, "content": "x"}],
    "",
])
def test_bad_messages_are_refused(messages: Any) -> None:
    with pytest.raises(rwp.InvalidArgument):
        rwp.ai.chat(messages)


def test_bad_arguments_are_refused() -> None:
    for arguments in ({"temperature": 9}, {"temperature": "1"}, {"max_output_tokens": True},
                      {"timeout": -1}, {"schema": 3}):
        with pytest.raises(rwp.InvalidArgument):
            rwp.ai.chat("x", **arguments)  # type: ignore[arg-type]
    for inputs in ([], [""], "x", [1]):
        with pytest.raises(rwp.InvalidArgument):
            rwp.ai.embed(inputs)  # type: ignore[arg-type]
    with pytest.raises(rwp.DeadlineExceeded):
        rwp.ai.chat("x", timeout=0)
    with pytest.raises(rwp.InvalidArgument):
        rwp.ai.Model("nothing:")


def test_an_answer_that_is_no_json_is_corrupt() -> None:
    with pytest.raises(rwp.Corrupt):
        rwp.ai.chat("The company seeks an engineer.").json()
