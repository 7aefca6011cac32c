"""Files below grace_training: whole or not at all."""

import pytest

from grace_ray.adapters.training import TrainingFolder
from grace_ray.core.errors import StoreUnavailable
from grace_ray.decide.playbooks.archive import CATEGORIES


def test_ten_categories_are_made_and_a_file_is_written_whole(tmp_path):
    folder = TrainingFolder(tmp_path / "grace_training")
    folder.make(CATEGORIES)
    assert len({path.name for path in (tmp_path / "grace_training").iterdir()}) == 10
    assert not folder.has("governance/2026-05-04/a.json")
    folder.write("governance/2026-05-04/a.json", b"{}")
    folder.write("governance/2026-05-04/a.json", b'{"a":1}')
    assert folder.has("governance/2026-05-04/a.json")
    found = list((tmp_path / "grace_training").rglob("*.*"))
    assert [(path.name, path.read_bytes()) for path in found] == [("a.json", b'{"a":1}')]


def test_where_nothing_can_be_written_it_says_so(tmp_path):
    (tmp_path / "grace_training").write_text("in the way")
    folder = TrainingFolder(tmp_path / "grace_training")
    with pytest.raises(StoreUnavailable):
        folder.make(CATEGORIES)
    with pytest.raises(StoreUnavailable):
        folder.write("governance/a.json", b"{}")
