"""Every kind of step by its name: a new one is one file, and one line here."""

from collections.abc import Mapping
from typing import Any

from grace_ray.act.playbooks.step import StepKind
from grace_ray.act.playbooks.steps.await_idle import AwaitIdle
from grace_ray.act.playbooks.steps.call_http import CallHttp
from grace_ray.act.playbooks.steps.cancel_missions import CancelMissions
from grace_ray.act.playbooks.steps.diagnostics import Diagnostics
from grace_ray.act.playbooks.steps.notify import Notify
from grace_ray.act.playbooks.steps.pause_source import PauseSource
from grace_ray.act.playbooks.steps.prune_bodies import PruneBodies
from grace_ray.act.playbooks.steps.rebuild_index import RebuildIndex
from grace_ray.act.playbooks.steps.restart_actor import RestartActor
from grace_ray.act.playbooks.steps.restart_replicas import RestartReplicas
from grace_ray.act.playbooks.steps.retrain_forecaster import RetrainForecaster
from grace_ray.act.playbooks.steps.run_command import RunCommand
from grace_ray.act.playbooks.steps.scale_deployment import ScaleDeployment
from grace_ray.act.playbooks.steps.set_concurrency import SetConcurrency
from grace_ray.act.playbooks.steps.shed_load import ShedLoad
from grace_ray.act.playbooks.steps.submit_ray_job import SubmitRayJob
from grace_ray.act.playbooks.steps.trim_memory import TrimMemory
from grace_ray.act.playbooks.steps.vacuum_store import VacuumStore

KINDS: Mapping[str, StepKind[Any]] = {
    "await_idle": AwaitIdle(),
    "call_http": CallHttp(),
    "cancel_missions": CancelMissions(),
    "diagnostics": Diagnostics(),
    "notify": Notify(),
    "pause_source": PauseSource(),
    "prune_bodies": PruneBodies(),
    "rebuild_index": RebuildIndex(),
    "restart_actor": RestartActor(),
    "restart_replicas": RestartReplicas(),
    "retrain_forecaster": RetrainForecaster(),
    "run_command": RunCommand(),
    "scale_deployment": ScaleDeployment(),
    "set_concurrency": SetConcurrency(),
    "shed_load": ShedLoad(),
    "submit_ray_job": SubmitRayJob(),
    "trim_memory": TrimMemory(),
    "vacuum_store": VacuumStore(),
}
