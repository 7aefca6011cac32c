"""Proofs that people carry away hold by themselves, and only for what they prove."""

import json

import pytest

from grace_ray.core.errors import InvalidInput, NotFound
from grace_ray.prove import proofs


@pytest.fixture
def reader(house, rows, now):
    house.journal.append(rows(1, 600))
    house.journal.checkpoint(now)
    house.journal.append(rows(601, 777))
    return house.writer


def test_an_entry_is_proved_against_the_signed_checkpoint_that_covers_it(reader):
    proof = json.loads(json.dumps(proofs.inclusion(reader, 300)))
    assert proofs.is_inclusion_sound(proof)
    assert proof["tree_size"] == proof["checkpoint"]["tree_size"] == 600
    assert proof["root"] == proof["checkpoint"]["root"]
    assert json.loads(proof["leaf"])[:2] == [300, "id-300"]


def test_an_entry_that_no_checkpoint_covers_is_proved_against_the_tree_as_it_is(reader):
    proof = proofs.inclusion(reader, 700)
    assert proofs.is_inclusion_sound(proof)
    assert (proof["tree_size"], proof["checkpoint"]) == (777, None)
    assert proofs.is_inclusion_sound(proofs.inclusion(reader, 700, 750))


@pytest.mark.parametrize("change", [{"seq": 301}, {"leaf": "[300]"}, {"root": "00" * 32}, {"tree_size": 5}])
def test_a_changed_proof_does_not_hold(reader, change):
    assert not proofs.is_inclusion_sound(proofs.inclusion(reader, 300) | change)


def test_a_proof_carries_the_checkpoint_that_vouches_for_it(reader, house):
    key, proof = house.notary.public_key(), proofs.inclusion(reader, 300)
    assert proofs.inclusion_flaw(proof, key) == ""
    assert proofs.inclusion_flaw(proofs.inclusion(reader, 700), key) == ""
    assert "another tree" in proofs.inclusion_flaw(proof | {"checkpoint": proof["checkpoint"] | {"root": "00" * 32}})
    later = proof["checkpoint"] | {"at": "2030-01-01T00:00:00Z"}
    assert "signature" in proofs.inclusion_flaw(proof | {"checkpoint": later}, key)
    assert "not in the tree" in proofs.inclusion_flaw(proof | {"seq": 301}, key)


def test_what_is_no_proof_is_refused(reader):
    for junk in ({}, proofs.inclusion(reader, 3) | {"path": ["zz"]}, proofs.inclusion(reader, 3) | {"leaf": 5}):
        with pytest.raises(InvalidInput):
            proofs.is_inclusion_sound(junk)


@pytest.mark.parametrize("seq", [0, -1, 778])
def test_an_entry_that_is_not_there_is_not_found(reader, seq):
    with pytest.raises(NotFound):
        proofs.inclusion(reader, seq)


@pytest.mark.parametrize("tree_size", [299, 778, 0])
def test_a_tree_without_the_entry_is_refused_by_name(reader, tree_size):
    with pytest.raises(InvalidInput) as refusal:
        proofs.inclusion(reader, 300, tree_size)
    assert refusal.value.field == "tree_size"


def test_the_journal_is_proved_to_extend_an_older_one(reader):
    proof = proofs.consistency(reader, 600)
    assert (proof["first"], proof["second"]) == (600, 777)
    assert proofs.is_consistency_sound(proof)
    assert not proofs.is_consistency_sound(proof | {"first_root": "00" * 32})
    with pytest.raises(InvalidInput):
        proofs.consistency(reader, 778)
