"""Signed checkpoints and the key that signs them."""

import json
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grace_ray.core.errors import InvalidInput, Tampered
from grace_ray.prove.checkpoints import Checkpoint, Notary, key_id, read_public_key


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path):
    home = tmp_path / "home"
    key = Notary(home).public_key()
    assert Notary(home).public_key() == key
    assert stat.S_IMODE((home / "journal.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in home.iterdir()) == ["journal.key", "journal.pub"]
    assert read_public_key(home / "journal.pub") == key
    for wrong in ("journal.key", "nothing"):
        with pytest.raises(InvalidInput):
            read_public_key(home / wrong)


def test_a_checkpoint_says_what_was_signed_and_by_which_key(tmp_path, now):
    notary = Notary(tmp_path)
    encoded = notary.sign(7, b"\x01" * 32, now)
    plain = json.loads(encoded)
    assert plain["tree_size"] == 7
    assert plain["root"] == "01" * 32
    assert plain["at"] == "2026-01-01T12:00:00Z"
    assert plain["key_id"] == key_id(notary.public_key())
    checkpoint = Checkpoint.decoded(encoded)
    assert checkpoint.encoded() == encoded
    assert checkpoint.is_signed_by(notary.public_key())


@pytest.mark.parametrize("change", [{"tree_size": 8}, {"root": "02" * 32}, {"at": "2026-01-01T12:00:01Z"}])
def test_a_changed_checkpoint_has_a_bad_signature(tmp_path, now, change):
    notary = Notary(tmp_path)
    plain = json.loads(notary.sign(7, b"\x01" * 32, now)) | change
    assert not Checkpoint.decoded(json.dumps(plain).encode()).is_signed_by(notary.public_key())


def test_another_key_does_not_pass(tmp_path, now):
    checkpoint = Checkpoint.decoded(Notary(tmp_path).sign(7, b"\x01" * 32, now))
    assert not checkpoint.is_signed_by(Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"tree_size": "x"}', b"\xff"])
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(InvalidInput):
        Checkpoint.decoded(text)


def test_a_line_that_a_crash_tore_is_left_out_and_written_over(tmp_path, now):
    notary = Notary(tmp_path)
    first, second = (notary.sign(size, bytes(32), now) for size in (1, 2))
    notary.keep(first)
    with (tmp_path / "checkpoints.jsonl").open("ab") as file:
        file.write(second[:20])
    assert notary.kept() == [first]
    notary.keep(second)
    assert notary.kept() == [first, second]


def test_a_forged_newest_checkpoint_is_noticed_at_the_start(house, rows, now):
    house.journal.append(rows(1, 3))
    forged = json.loads(house.journal.checkpoint(now)) | {"tree_size": 2}
    house.notary.keep(json.dumps(forged).encode())
    with pytest.raises(Tampered, match="not signed"):
        house.journal.recover()
