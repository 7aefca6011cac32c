"""The triage actor: events in, clusters, incident groups and mission requests out."""

from actors.follower import FollowerActor
from actors.host import Host
from grace_ray import wiring
from grace_ray.settings import Settings


class TriageActor(FollowerActor):
    """Hosts diagnose.triage.Triage."""

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(
            lambda: wiring.build_triage(settings), lambda: wiring.open_reader(settings), batch=settings.triage.batch
        )
