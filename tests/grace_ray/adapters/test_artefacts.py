"""Versions of the trained forecaster on disk: whole or not there, whatever interrupts."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grace_ray.adapters.artefacts.forecaster import MODEL, ForecasterArtefacts
from grace_ray.core.errors import NotFound
from grace_ray.core.forecast import Trained

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def trained(version: str) -> Trained:
    return Trained(version=version, scores={"backtest_ratio": 0.9}, series=3, observations=900)


def make(artefacts: ForecasterArtefacts, run_id: str, version: str) -> None:
    (artefacts.workplace(run_id) / MODEL).write_bytes(b"numbers")
    artefacts.publish(run_id, trained(version), {"horizon": 12}, NOW)


def test_a_published_version_is_found_by_its_run_with_its_record(tmp_path: Path) -> None:
    artefacts = ForecasterArtefacts(tmp_path)
    make(artefacts, "run-1", "v1")
    assert artefacts.brought_home("run-1") == trained("v1")
    assert artefacts.model("v1").read_bytes() == b"numbers"
    (record,) = (tmp_path / "grace_training" / "code_patterns" / "2026-11-21").iterdir()
    assert "v1" in record.name


def test_a_training_killed_half_way_leaves_no_version_and_the_next_one_starts_clean(tmp_path: Path) -> None:
    artefacts = ForecasterArtefacts(tmp_path)
    place = artefacts.workplace("run-1")
    (place / MODEL).write_bytes(b"half")
    artefacts.note_progress("run-1", 0.4, "training", 12.0)
    assert artefacts.brought_home("run-1") is None
    assert artefacts.progress("run-1")["progress"] == 0.4
    assert list(artefacts.workplace("run-1").iterdir()) == []
    assert artefacts.progress("run-1") == {}


def test_old_versions_go_but_not_the_ones_that_are_needed(tmp_path: Path) -> None:
    artefacts = ForecasterArtefacts(tmp_path)
    for number in range(6):
        make(artefacts, f"run-{number}", f"v{number}")
    artefacts.clear("run-5", keep=2, needed={"v0"})
    kept = sorted(path.name for path in (tmp_path / "ml_artifacts" / "temporal_forecaster").iterdir())
    assert kept == ["v0", "v4", "v5"]


@pytest.mark.parametrize("version", ["", "..", "../../etc", "nothing", ".run-1"])
def test_what_is_no_version_is_not_found(tmp_path: Path, version: str) -> None:
    artefacts = ForecasterArtefacts(tmp_path)
    artefacts.workplace("run-1")
    with pytest.raises(NotFound):
        artefacts.model(version)
