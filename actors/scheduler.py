"""The scheduler actor: says when each job is due; the parts do them."""

from actors.follower import FollowerActor
from actors.host import Host
from grace_ray import wiring
from grace_ray.settings import Settings

_BATCH = 1000


class SchedulerActor(FollowerActor):
    """Hosts decide.scheduling.part.Scheduler."""

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(lambda: wiring.build_scheduler(settings), lambda: wiring.open_reader(settings), batch=_BATCH)
