"""The sender: one request to where it may go, within its time; nothing of ours goes along."""

import time

import pytest

from grace_ray.adapters.web.sender import GuardedSender
from grace_ray.core.errors import Refused, Unreachable

ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"


def sender(**changes):
    return GuardedSender("grace-test", allow_private=True, **changes)


def test_a_request_arrives_whole_and_its_answer_comes_back(raw_server):
    heard = []

    def speak(connection, stopped):
        text = b""
        while not text.endswith(b"}"):
            text += connection.recv(65536)
        heard.append(text)
        connection.sendall(ANSWER)

    url = f"{raw_server(speak).url}/hook?a=1"
    headers = {"Content-Type": "application/json", "host": "evil.example", "Content-Length": "999"}
    assert sender().send("POST", url, b'{"a":1}', headers, 5.0) == (201, "ok")
    text = heard[0].decode()
    assert text.startswith("POST /hook?a=1 HTTP/1.1\r\n")
    assert text.endswith('\r\n\r\n{"a":1}')
    assert "evil.example" not in text
    assert "Content-Length: 7" in text
    assert "User-Agent: grace-test" in text


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data"]
)
def test_addresses_that_are_not_public_are_refused(url):
    with pytest.raises(Refused, match="public"):
        GuardedSender("grace-test").send("POST", url, b"", {}, 5.0)


def test_a_name_that_leads_to_a_private_address_is_refused():
    guarded = GuardedSender("grace-test", resolve=lambda host, port: ["93.184.216.34", "127.0.0.1"])
    with pytest.raises(Refused):
        guarded.send("GET", "http://hook.example/", b"", {}, 5.0)


@pytest.mark.parametrize(
    "url", ["ftp://x.example/", "http://user:word@x.example/", "nonsense", "http://", "http://x" * 400]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(Refused):
        sender().send("GET", url, b"", {}, 5.0)


def test_an_endpoint_that_trickles_is_given_up_in_time(raw_server):
    def trickle(connection, stopped):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not stopped.wait(0.05):
            connection.sendall(b"x")

    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer in full"):
        sender().send("GET", raw_server(trickle).url, b"", {}, 0.5)
    assert time.monotonic() - began < 2


def test_a_redirect_is_an_answer_and_is_not_followed(site):
    site.pages["/"] = (302, {"Location": "/elsewhere"}, b"")
    assert sender().send("GET", f"{site.url}/", b"", {}, 5.0)[0] == 302
    assert [path for path, _ in site.asked] == ["/"]


def test_of_a_long_answer_the_beginning_is_read(site):
    site.pages["/"] = (200, {}, b"a" * 1_000_000)
    status, text = sender().send("GET", f"{site.url}/", b"", {}, 5.0)
    assert (status, len(text)) == (200, 64 * 1024)
