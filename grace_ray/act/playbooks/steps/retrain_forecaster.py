"""Train the forecaster now, and follow the training to its end."""

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World


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
        answer = world.runtime.call("forecaster", "operate", "train", args, timeout_s=time.left())
        return f"The forecaster trains: {answer}."
