"""The training job of the global forecaster: ``python -m actors.training RUN_ID [--champion VERSION] [--search]``.

A process of its own under Ray's Jobs API, niced, so that the serving actor stays light; torch is imported here alone.
Killed at any point it leaves a workplace that the next training clears, and the champion goes on serving.
"""

import argparse
import sys
import time
from typing import Any

from grace_ray import wiring
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import GraceError
from grace_ray.settings import Settings, load


def main(arguments: list[str]) -> int:
    """Train, publish a version, and return the exit code."""
    parser = argparse.ArgumentParser(prog="actors.training")
    parser.add_argument("run_id")
    parser.add_argument("--champion", default="")
    parser.add_argument("--search", action="store_true")
    asked = parser.parse_args(arguments)
    settings = load()
    artefacts = wiring.forecaster_artefacts(settings)
    place = artefacts.workplace(asked.run_id)
    try:
        _train(settings, artefacts, place, asked)
    except GraceError as error:
        artefacts.note_failure(asked.run_id, str(error))
        return 1
    return 0


def _train(settings: Settings, artefacts: Any, place: Any, asked: argparse.Namespace) -> None:
    from grace_ray.diagnose.forecasting import training
    from grace_ray.models.forecast import tft

    own = settings.forecaster
    began = time.monotonic()

    def tell(share: float, phase: str) -> None:
        took_s = time.monotonic() - began
        left_s = round(took_s / share * (1 - share), 1) if share > 0.02 else None
        artefacts.note_progress(asked.run_id, share, phase, left_s)

    tell(0.0, "reading")
    reader = wiring.open_reader(settings)
    material = training.gather(
        reader,
        settings.metrics.snapshot_s,
        own.train_history_steps,
        own.train_steps_min,
        own.horizon_steps,
        utc_now(),
    )
    options, share_searched = {}, 0.05
    if asked.search:
        from actors.tuning import search

        share_searched = 0.7
        options = search(
            material.known, own.horizon_steps, own.train_epochs, place, lambda share: tell(0.7 * share, "search")
        )
    model, details = tft.train(
        material.known,
        seed=0,
        epochs=own.train_epochs,
        horizon=own.horizon_steps,
        on_progress=lambda share: tell(share_searched + (0.9 - share_searched) * share, "training"),
        **options,
    )
    tell(0.92, "backtest against the champion")
    champion = tft.load(artefacts.model(asked.champion)) if asked.champion else None
    scores = training.compare(material, champion, model)
    model.save(place / "model.npz")
    now = utc_now()
    trained = training.as_trained(f"{now:%Y%m%dT%H%M%S}-{asked.run_id[-6:]}", material, scores)
    record = training.training_record(material, {**details, "options": options, "champion": asked.champion})
    artefacts.publish(asked.run_id, trained, record, now)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
