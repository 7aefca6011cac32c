"""The search for hyperparameters of the global forecaster, with Ray Tune, when a training is asked to search."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from actors.jobs import NICENESS

_TRIALS = 8
_EPOCHS_SHARE = 0.4  # of a whole training's epochs: enough to tell good from bad
_EPOCHS_MIN = 3


def search(
    known: Mapping[str, Any], horizon: int, epochs: int, place: Path, on_progress: Callable[[float], None]
) -> dict[str, Any]:
    """Return the options of ``tft.train`` that validated best on the newest origins of ``known``.

    Trials run one a core, on workers of the running Ray; what Tune writes goes below ``place``.
    """
    import ray
    from ray import tune

    if not ray.is_initialized():
        ray.init(address="auto", namespace="grace", log_to_driver=False, configure_logging=False)
    series: Any = ray.put(dict(known))
    few = max(_EPOCHS_MIN, round(epochs * _EPOCHS_SHARE))

    def trial(config: dict[str, Any]) -> None:
        from grace_ray.models.forecast import tft

        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)  # workers of Ray do not inherit it
        _, record = tft.train(ray.get(series), seed=0, epochs=few, horizon=horizon, **config)
        tune.report({"loss": min(epoch["validation_loss"] for epoch in record["epochs"])})

    class Told(tune.Callback):
        """Counts the trials that have ended."""

        ended = 0

        def on_trial_complete(self, *_: Any, **__: Any) -> None:
            self.ended += 1
            on_progress(self.ended / _TRIALS)

    tuner = tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        param_space={
            "width": tune.choice([8, 16, 24]),
            "learning_rate": tune.loguniform(1e-3, 1e-2),
            "synthetic_share": tune.choice([0.2, 0.4, 0.6]),
        },
        tune_config=tune.TuneConfig(metric="loss", mode="min", num_samples=_TRIALS, reuse_actors=True),
        run_config=tune.RunConfig(name="search", storage_path=str(place), callbacks=[Told()], verbose=0),
    )
    return dict(tuner.fit().get_best_result().config or {})
