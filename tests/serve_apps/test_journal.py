"""The journal over HTTP: read in both directions, and proofs that hold without trusting the server."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from grace_ray.core.clock import utc_now
from grace_ray.prove import merkle


@pytest.fixture
def full(house, event):
    """A house with some entries on its journal."""
    for start in range(0, 300, 100):
        house.http.post("/api/events", json=[event(i) for i in range(start, start + 100)])
    return house


def _walk(http, **query):
    seen, after = [], None
    while True:
        page = http.get("/api/journal", params={**query, **({"after": after} if after else {})}).json()
        seen += [entry["seq"] for entry in page["items"]]
        after = page["next"]
        if after is None:
            return seen


def test_it_reads_forwards_and_backwards_without_a_gap(full):
    head = full.gateway.reader.head()
    assert _walk(full.http, limit=70) == list(range(1, head + 1))
    assert _walk(full.http, limit=70, order="desc") == list(range(head, 0, -1))


def test_it_is_searched_by_kind_source_type_and_text(full):
    http = full.http
    assert {e["kind"] for e in http.get("/api/journal?kind=finding&kind=decision").json()["items"]} == {
        "finding",
        "decision",
    }
    assert len(_walk(http, type="coding_agent.build.failed", source="/ci/builder")) == 300
    assert [e["id"] for e in http.get("/api/journal", params={"q": "BUILD 217 FAILED"}).json()["items"]] == ["e217"]


def test_an_inclusion_proof_holds(full):
    http = full.http
    for seq in (1, 255, 256, 257, 300):
        proof = http.get(f"/api/journal/{seq}/proof").json()
        leaf_hash = hashlib.sha256(b"\x00" + proof["leaf"].encode()).digest()
        assert leaf_hash.hex() == proof["leaf_hash"] == http.get(f"/api/journal/{seq}").json()["hash"]
        path = [bytes.fromhex(step) for step in proof["path"]]
        assert merkle.is_included(seq - 1, proof["tree_size"], leaf_hash, path, bytes.fromhex(proof["root"]))


def test_a_consistency_proof_holds(full):
    proof = full.http.get("/api/journal/consistency?first=100&second=290").json()
    roots = [bytes.fromhex(proof[name]) for name in ("first_root", "second_root")]
    assert merkle.is_consistent(100, 290, *roots, [bytes.fromhex(step) for step in proof["proof"]])


def test_a_checkpoint_is_signed_by_the_public_key(full):
    assert full.http.get("/api/journal/checkpoint").status_code == 404
    full.loop._journal.checkpoint(utc_now())
    checkpoint = full.http.get("/api/journal/checkpoint").json()
    key = load_pem_public_key(full.http.get("/api/journal/public-key").json()["pem"].encode())
    key.verify(base64.b64decode(checkpoint["signature"]), checkpoint["body"].encode())
    assert checkpoint["root"] in checkpoint["body"]


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("?after=x", 422, "after"),
        ("?after=-1", 422, "after"),
        ("?after=99999999999999999999999", 422, "after"),
        ("?limit=0", 422, "limit"),
        ("?limit=1001", 422, "limit"),
        ("?kind=gossip", 422, "kind[0]"),
        ("?order=sideways", 422, "order"),
        ("/0", 422, "seq"),
        ("/x", 422, "seq"),
        ("/99999999999999999999999", 422, "seq"),
        ("/2/proof?tree_size=1", 422, "tree_size"),
        ("/2/proof?tree_size=100000", 422, "tree_size"),
        ("/consistency?first=5&second=4", 422, "first"),
        ("/consistency?first=5&second=100000", 422, "second"),
        ("/consistency?first=0&second=1", 422, "first"),
    ],
)
def test_a_place_that_does_not_exist_is_named(full, path, status, field):
    answer = full.http.get(f"/api/journal{path}")
    assert answer.status_code == status
    assert answer.json()["field"] == field


def test_a_cursor_of_another_list_is_refused(full):
    answer = full.http.get("/api/clusters?after=not-a-cursor")
    assert answer.status_code == 422
    assert answer.json()["field"] == "after"
