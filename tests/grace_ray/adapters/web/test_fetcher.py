"""The guarded fetcher against real servers that redirect, lie, trickle, bomb and forbid."""

import gzip
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from grace_ray.adapters.web import guard
from grace_ray.adapters.web.addresses import is_public
from grace_ray.adapters.web.fetcher import FetchRules, GuardedFetcher
from grace_ray.core.errors import RateLimited, Refused, TooLarge, Unreachable
from grace_ray.settings import WebSettings

PAGE = b"<html><head><title>T</title></head><body><p>Hello.</p></body></html>"


def fetcher(resolve=guard.system_addresses, **changed):
    base = {"size_max": 50_000, "timeout_s": 2.0, "redirects_max": 3, "allow_private": True}
    return GuardedFetcher(FetchRules(**{**base, **changed}), "grace-ray/0.1 (+test)", resolve=resolve)


def strict(site, resolve=guard.system_addresses, **changed):
    """As in the world: private addresses are refused, but the test site's port is read."""
    return fetcher(resolve, allow_private=False, ports=frozenset({80, 443, site.port}), **changed)


def test_a_page_is_read_with_its_type_and_encoding(site):
    site.pages["/a"] = (200, {"Content-Type": "text/html; charset=ISO-8859-1"}, PAGE)
    page = fetcher().fetch(f"{site.url}/a#part")
    assert (page.url, page.media_type, page.charset, page.body) == (f"{site.url}/a", "text/html", "iso-8859-1", PAGE)


def test_a_compressed_page_is_unpacked(site):
    site.pages["/a"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(PAGE))
    assert fetcher().fetch(f"{site.url}/a").body == PAGE


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1", "2002:7f00:1::",
        "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2001:db8::1",
        "2001:0:7f00:1::", "nonsense", "",
    ],
)  # fmt: skip
def test_no_private_address_is_public_in_any_disguise(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/a", "http://localhost:{port}/a", "http://[::1]:{port}/a", "http://2130706433:{port}/a",
        "http://0x7f.1:{port}/a", "http://[::ffff:127.0.0.1]:{port}/a",
    ],
)  # fmt: skip
def test_a_private_address_is_refused_however_it_is_written(site, url):
    site.pages["/a"] = (200, {}, PAGE)
    with pytest.raises((Refused, Unreachable)):
        strict(site).fetch(url.format(port=site.port))
    assert site.asked == []


def test_one_private_address_among_public_ones_refuses_the_host(site):
    with pytest.raises(Refused, match=r"10\.0\.0\.7"):
        strict(site, lambda host, port: ["93.184.216.34", "10.0.0.7"]).fetch(f"http://site.test:{site.port}/")


def test_the_connection_goes_to_the_address_that_was_checked(site, monkeypatch):
    """A name that resolves to another address at a second look (DNS rebinding) is not looked up a second time."""
    site.pages["/a"] = (200, {}, PAGE)
    monkeypatch.setattr(guard, "is_public", lambda address: address == "127.0.0.1")
    looks = []

    def rebinding(host, port):
        looks.append(host)
        return ["127.0.0.1"] if len(looks) == 1 else ["10.0.0.1"]

    page = strict(site, rebinding, asks_robots=False).fetch(f"http://site.test:{site.port}/a")
    assert page.body == PAGE
    assert looks == ["site.test"]
    assert site.asked == [("/a", f"site.test:{site.port}")]


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "//192.168.0.1/x",
        "http://inner.test/",
    ],
)
def test_a_redirect_to_a_private_address_is_refused(site, monkeypatch, target):
    site.pages["/a"] = (302, {"Location": target}, b"")
    real = is_public
    monkeypatch.setattr(guard, "is_public", lambda address: address == "127.0.0.1" or real(address))

    def resolve(host, port):
        return {"site.test": ["127.0.0.1"], "inner.test": ["10.9.9.9"]}.get(host, [host])

    with pytest.raises(Refused, match="not on the public internet"):
        strict(site, resolve).fetch(f"http://site.test:{site.port}/a")


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://site.test/", "http://site.test:22/", "http://a:b@site.test/"]
)
def test_a_redirect_to_another_scheme_or_port_is_refused(site, monkeypatch, target):
    site.pages["/a"] = (302, {"Location": target}, b"")
    monkeypatch.setattr(guard, "is_public", lambda address: address == "127.0.0.1")
    with pytest.raises(Refused):
        strict(site, lambda host, port: ["127.0.0.1"]).fetch(f"http://site.test:{site.port}/a")


def test_redirects_are_followed_up_to_a_cap(site):
    site.pages["/a"] = (301, {"Location": "/b"}, b"")
    site.pages["/b"] = (200, {}, PAGE)
    site.pages["/loop"] = (302, {"Location": "/loop"}, b"")
    assert fetcher().fetch(f"{site.url}/a").url == f"{site.url}/b"
    with pytest.raises(Refused, match="more than 3 redirects"):
        fetcher().fetch(f"{site.url}/loop")


def test_robots_txt_is_obeyed_asked_once_and_applies_after_redirects(site):
    site.pages["/robots.txt"] = (200, {"Content-Type": "text/plain"}, b"User-agent: grace-ray\nDisallow: /private\n")
    site.pages["/private/x"] = (200, {}, PAGE)
    site.pages["/open"] = (200, {}, PAGE)
    site.pages["/sly"] = (302, {"Location": "/private/x"}, b"")
    reader = fetcher()
    assert reader.fetch(f"{site.url}/open").body == PAGE
    for path in ("/private/x", "/sly"):
        with pytest.raises(Refused, match=r"robots\.txt"):
            reader.fetch(f"{site.url}{path}")
    assert [path for path, _ in site.asked].count("/robots.txt") == 1
    assert "/private/x" not in [path for path, _ in site.asked]


def test_a_site_whose_robots_txt_fails_is_not_read(site):
    site.pages["/robots.txt"] = (503, {}, b"")
    site.pages["/open"] = (200, {}, PAGE)
    with pytest.raises(Unreachable, match="503"):
        fetcher().fetch(f"{site.url}/open")


def test_a_page_that_owns_up_to_its_size_is_not_read(site):
    site.pages["/a"] = (200, {"Content-Length": "99999999"}, b"x")
    with pytest.raises(TooLarge, match="99999999"):
        fetcher().fetch(f"{site.url}/a")


def test_a_gzip_bomb_is_cut_off(site):
    bomb = gzip.compress(b"\0" * 60_000_000)
    assert len(bomb) < 80_000
    site.pages["/bomb"] = (200, {"Content-Encoding": "gzip"}, bomb)
    with pytest.raises(TooLarge, match="50000"):
        fetcher().fetch(f"{site.url}/bomb")


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "application/pdf"}, {"Content-Type": "nonsense"}, {"Content-Encoding": "br"}]
)
def test_what_is_no_readable_text_is_refused(site, headers):
    site.pages["/a"] = (200, headers, b"\x00\x01")
    with pytest.raises(Refused):
        fetcher().fetch(f"{site.url}/a")


def test_a_site_that_asks_to_wait_says_how_long(site):
    site.pages["/a"] = (429, {"Retry-After": "17"}, b"")
    with pytest.raises(RateLimited) as caught:
        fetcher().fetch(f"{site.url}/a")
    assert caught.value.retry_after_s == 17


def test_a_missing_page_and_a_dead_host_are_unreachable(site):
    with pytest.raises(Unreachable, match="404"):
        fetcher().fetch(f"{site.url}/none")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable):
            fetcher().fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    with pytest.raises(Unreachable, match="resolved"):
        fetcher().fetch("http://no-such-host.invalid/")


@pytest.mark.parametrize(
    "url", ["ftp://a/b", "http://", "not a url", "http://a:99999/", "//a/b", "http://a/" + "x" * 3000]
)
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(Refused):
        fetcher().fetch(url)


def say(connection, head, rest=()):
    connection.recv(65536)
    connection.sendall(head)
    for part in rest:
        connection.sendall(part)


def forever(stopped, part, wait_s=0.0):
    while not stopped.wait(wait_s):
        yield part


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def test_a_body_that_never_ends_is_cut_off_at_the_limit(raw_server):
    server = raw_server(lambda c, stopped: say(c, OK + b"\r\n", forever(stopped, b"x" * 8192)))
    with pytest.raises(TooLarge):
        fetcher(asks_robots=False).fetch(server.url)


def test_a_chunked_body_that_never_ends_is_cut_off_at_the_limit(raw_server):
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    server = raw_server(lambda c, stopped: say(c, head, forever(stopped, b"2000\r\n" + b"x" * 8192 + b"\r\n")))
    with pytest.raises(TooLarge):
        fetcher(asks_robots=False).fetch(server.url)


def test_a_body_that_is_longer_than_it_says_is_cut_off_where_it_said(raw_server):
    server = raw_server(lambda c, stopped: say(c, OK + b"Content-Length: 4\r\n\r\n", [b"abcdEVIL"]))
    assert fetcher(asks_robots=False).fetch(server.url).body == b"abcd"


def test_a_body_that_is_shorter_than_it_says_is_no_page(raw_server):
    server = raw_server(lambda c, stopped: say(c, OK + b"Content-Length: 400\r\n\r\n", [b"abcd"]))
    with pytest.raises(Unreachable):
        fetcher(asks_robots=False).fetch(server.url)


@pytest.mark.parametrize("head", [OK + b"\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_a_trickle_ends_at_the_time_limit(raw_server, head):
    part = b"x" if head.endswith(b"\r\n\r\n") else b"X-A: b\r\n"
    server = raw_server(lambda c, stopped: say(c, head, forever(stopped, part, 0.05)))
    began = time.monotonic()
    with pytest.raises(Unreachable, match="in time"):
        fetcher(asks_robots=False, timeout_s=0.4).fetch(server.url)
    assert time.monotonic() - began < 2


def test_a_resolver_that_hangs_ends_at_the_time_limit():
    began = time.monotonic()
    with pytest.raises(Unreachable, match="resolved in time"):
        fetcher(lambda host, port: time.sleep(1) or [], timeout_s=0.2).fetch("http://slow.test/")
    assert time.monotonic() - began < 0.9


def test_tls_keeps_the_name_and_refuses_a_certificate_that_nobody_vouches_for(raw_server, tmp_path):
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path, "site.test"))
    context.sni_callback = lambda connection, name, ctx: names.append(name)

    def speak(connection, stopped):
        with context.wrap_socket(connection, server_side=True) as secure:
            say(secure, OK + b"\r\n", [PAGE])

    server = raw_server(speak)
    with pytest.raises(Unreachable, match="certificate"):
        fetcher(lambda host, port: ["127.0.0.1"], asks_robots=False).fetch(f"https://site.test:{server.port}/")
    assert names == ["site.test"]


def self_signed(folder, name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "site.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_settings_make_the_rules():
    rules = FetchRules.of_pages(WebSettings(page_max_bytes=2048, redirects_max=1))
    assert (rules.size_max, rules.redirects_max, rules.allow_private, rules.asks_robots) == (2048, 1, False, True)
