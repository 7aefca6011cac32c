"""Ask the forecaster to train now; the training goes on beside it, and is listed with the others."""

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World
from grace_ray.core.jsonable import to_plain


class TrainArguments(Arguments):
    """None."""


class RetrainForecaster(Lasting):
    """What comes of a training speaks only where it backtests better, so there is nothing to take back."""

    arguments = TrainArguments

    def plan(self, arguments: TrainArguments, world: World) -> str:
        """Say so."""
        return "Train the forecaster on the snapshots that there are."

    def run(self, arguments: TrainArguments, world: World, time: StepTime) -> str:
        """Ask the forecaster to train; it trains beside itself and goes on forecasting."""
        args = {"by": f"playbook run {world.run_id}"}
        run = to_plain(world.runtime.call("forecaster", "operate", "train", args, timeout_s=time.left()))
        return f"Training {run['run_id']} is {run['status']}: GET /api/ml/forecaster/trainings/{run['run_id']}."
