"""Redaction: what must go, what must stay, and that the quick look never misses what the thorough one finds."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.sense.redaction import REDACTED, Redactor
from grace_ray.sense.scan import Scanner

REDACTOR = Redactor(["internal_pin"])
SCANNER = Scanner({"secret": REDACTOR.sign})
SECRET = "hunter2-Xy9"
SECRET_NAMES = [
    "password", "PASSWORD", "db_password", "dbPassword", "passwd", "passphrase", "secret", "client_secret",
    "clientSecret", "token", "access_token", "refreshToken", "X-Auth-Token", "api_key", "apiKey", "X-Api-Key",
    "authorization", "Authorization", "cookie", "Set-Cookie", "private_key", "aws_secret_access_key", "credentials",
    "jwt", "internal_pin", "internalPin", "INTERNAL-PIN", "auth", "pass", "smtp_pass", "password_hash", "api key",
]  # fmt: skip
SECRET_TEXTS = [
    f"password={SECRET}", f"password: {SECRET}", f'{{"password": "{SECRET}"}}', f"--password {SECRET} --verbose",
    f"--api-key={SECRET}", f"?access_token={SECRET}&page=2", f"Authorization: Bearer {SECRET}",
    f"authorization=Basic {SECRET}", f"Bearer {SECRET}", f"Cookie: session={SECRET}; theme=dark",
    f"postgres://app:{SECRET}@db/x", f"https://ann:{SECRET}@host/", f"export AWS_SECRET_ACCESS_KEY={SECRET}",
    f"AccountKey={SECRET}==;", f"internal-pin={SECRET}", f"secret => '{SECRET}'", f"db_pass = {SECRET}",
    "key AKIAIOSFODNN7EXAMPLE here", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "github_pat_11ABCDEFG0abcdefghijkl",
    "xoxb-123456789012-abcdefghij", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def",
    "sk-proj-abcdefghijklmnopqrstuv",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv", "glpat-abcdefghij0123456789", "sk_live_abcdefghij0123",
    "https://hooks.slack.com/services/T000/B000/abcdef", "npm_abcdefghijklmnopqrstuvwxyz0123456789",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----",
]  # fmt: skip
CLEAN = [
    "Failed password for root from 10.0.0.1 port 22 ssh2", "check pass; user unknown", "token_count=5 max_tokens=512",
    "Basic authentication failed", "Invalid token: expired", "pam_unix(sshd:auth): authentication failure; logname=",
    "monkey=3 turkey: 4", "password is too short", "mail ann@example.org at 12:30",
    "GET http://example.org/a@b HTTP/1.1",
    "wtoken = AppWindowToken{9f4ef63 token=Token{a64f992", "key=value", "author: ann", "secretary: bob",
    "Executing with tokens:", "https://example.org:8080/path?x=1",
]  # fmt: skip


def suspects(blobs: list[bytes]) -> list[int]:
    return SCANNER.find(blobs)["secret"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_the_value_of_a_secret_name_is_blacked_out_wherever_it_stands(name):
    payload = {"a": [{"b": {name: SECRET}}], "list": {name: [SECRET, SECRET]}}
    assert SECRET not in repr(REDACTOR.value(payload))
    assert suspects([orjson.dumps(payload)]) == [0]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_secrets_in_free_text_are_blacked_out(text):
    found = REDACTOR.text(f"before {text} after")
    assert SECRET not in found
    assert REDACTED in found
    assert found.startswith("before ")
    assert REDACTOR.text(found) == found, "what is redacted once stays as it is"
    assert suspects([orjson.dumps({"message": f"before {text} after"})]) == [0]


@pytest.mark.parametrize("text", CLEAN)
def test_what_only_looks_like_a_secret_stays(text):
    assert REDACTOR.text(text) == text


def test_counts_flags_and_names_that_merely_contain_a_secret_word_stay():
    payload = {
        "token_count": 5, "monkey": "a", "tokens": {"prompt": 512}, "max_tokens": 4, "has_password": True, "key": "v",
        "passed": 3, "pass": 12, "author": "ann", "publicKey": "abc", "pwd": "/home/ann", "secretName": "tls",
        "token": None, "password": "", "tokenizer": "bpe", "cookie_policy": "strict", "compass": "north",
    }  # fmt: skip
    assert REDACTOR.value(payload) == payload


def test_pairs_of_name_and_value_are_understood():
    payload = {
        "env": [{"name": "DB_PASSWORD", "value": SECRET}, {"name": "HOME", "value": "/root"}],
        "headers": [["Authorization", SECRET], ["Accept", "text/html"]],
    }
    assert REDACTOR.value(payload) == {
        "env": [{"name": "DB_PASSWORD", "value": REDACTED}, {"name": "HOME", "value": "/root"}],
        "headers": [["Authorization", REDACTED], ["Accept", "text/html"]],
    }
    assert suspects([orjson.dumps(payload)]) == [0]


def test_suspects_are_found_among_many_at_their_own_place():
    blobs = [orjson.dumps({"n": number, "message": "all is well"}) for number in range(3000)]
    for place in (0, 1, 1700, 2999):
        blobs[place] = orjson.dumps({"password": SECRET})
    assert suspects(blobs) == [0, 1, 1700, 2999]
    assert suspects([]) == []


@given(
    st.text(max_size=30),
    st.sampled_from(SECRET_TEXTS),
    st.text(max_size=30),
    st.sampled_from(SECRET_NAMES),
)
def test_the_quick_look_never_misses_what_the_thorough_one_finds(before, secret, after, name):
    for payload in ({"m": f"{before} {secret} {after}"}, {name: secret}, {"m": before + after}):
        encoded = orjson.dumps(payload)
        if REDACTOR.value(payload) != payload:
            assert suspects([encoded]) == [0]


@given(st.text(alphabet="pasword=:\"' tken-./@_", max_size=400))
def test_no_text_makes_redaction_slow_or_unstable(text):
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once or REDACTED in once


@pytest.mark.parametrize(
    "piece", ["password=", 'token="', "a.", "://a:", "Bearer ", "eyJ", "-----BEGIN PRIVATE KEY-----", "token "]
)
def test_long_adversarial_text_is_scanned_in_linear_time(piece):
    REDACTOR.text(piece * (60_000 // len(piece)))  # the test's own time limit would end a quadratic scan
