"""Versions of the trained forecaster below ``ml_artifacts/temporal_forecaster``, written whole or not at all.

``VERSION/model.npz`` and ``VERSION/record.json`` are a finished version; ``.RUN/progress.json`` is how far a training
is, ``.RUN/failure.txt`` why it ended without one, and what else is in ``.RUN`` is thrown away with it.
"""

import json
import shutil
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from grace_ray.adapters.whole_file import write_whole
from grace_ray.core.errors import NotFound
from grace_ray.core.forecast import Trained
from grace_ray.core.jsonable import from_plain, to_plain

MODEL = "model.npz"
RECORD = "record.json"


class ForecasterArtefacts:
    """See the module; ``home`` is the GRACE_HOME. Raises StoreUnavailable where the disk refuses."""

    def __init__(self, home: Path) -> None:
        self._versions = home / "ml_artifacts" / "temporal_forecaster"
        self._records = home / "grace_training" / "code_patterns"

    def model(self, version: str) -> Path:
        """Return the file of a version. Raises NotFound."""
        path = self._versions / version / MODEL
        if not version or version.startswith(".") or "/" in version or not path.is_file():
            raise NotFound(f"There is no trained version {version!r}.", "version")
        return path

    def workplace(self, run_id: str) -> Path:
        """Return the empty folder that a training may write to; what an earlier try of it left is gone."""
        place = self._place(run_id)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place

    def note_progress(self, run_id: str, progress: float, phase: str, seconds_left: float | None) -> None:
        """Say how far a training is, 0..1."""
        said = {"progress": round(progress, 3), "phase": phase, "seconds_left": seconds_left}
        write_whole(self._place(run_id) / "progress.json", json.dumps(said).encode())

    def progress(self, run_id: str) -> dict[str, Any]:
        """Return what ``note_progress`` said last; nothing before that."""
        return _read(self._place(run_id) / "progress.json")

    def publish(self, run_id: str, trained: Trained, record: dict[str, Any], now: datetime) -> None:
        """Make a version of the workplace's ``model.npz``, in one rename, and keep the training record."""
        place = self._place(run_id)
        told = json.dumps({"run_id": run_id, "trained": to_plain(trained), **record}, indent=1).encode()
        write_whole(place / RECORD, told)
        write_whole(self._records / f"{now:%Y-%m-%d}" / f"{now:%H%M%S}_forecaster_{trained.version}.json", told)
        target = self._versions / trained.version
        shutil.rmtree(target, ignore_errors=True)
        place.rename(target)

    def note_failure(self, run_id: str, why: str) -> None:
        """Say why a training ended without a version."""
        write_whole(self._place(run_id) / "failure.txt", why.encode())

    def failure(self, run_id: str) -> str:
        """Return what ``note_failure`` said, "" where nothing was."""
        try:
            return (self._place(run_id) / "failure.txt").read_text(encoding="utf-8")
        except OSError:
            return ""

    def brought_home(self, run_id: str) -> Trained | None:
        """Return what a training made, None where it made no version; its workplace is cleared."""
        found = None
        for path in self._versions.glob(f"*/{RECORD}"):
            record = _read(path)
            if record.get("run_id") == run_id and (path.parent / MODEL).is_file():
                found = from_plain(Trained, record["trained"])
        return found

    def clear(self, run_id: str, keep: int, needed: Collection[str]) -> None:
        """Throw away a training's workplace, and the oldest versions beyond ``keep`` that are not ``needed``."""
        shutil.rmtree(self._place(run_id), ignore_errors=True)
        versions = sorted(path for path in self._versions.glob("*") if path.is_dir() and path.name[0] != ".")
        for path in versions[:-keep]:
            if path.name not in needed:
                shutil.rmtree(path, ignore_errors=True)

    def _place(self, run_id: str) -> Path:
        return self._versions / f".{run_id}"


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there yet, or gone with a failed disk: as if nothing had been said
        return {}
    return found
