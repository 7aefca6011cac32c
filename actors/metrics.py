"""The metrics actor: points in, snapshots, bands and anomalies out."""

from actors.follower import FollowerActor
from actors.host import Host
from grace_ray import wiring
from grace_ray.settings import Settings

_BATCH = 1000


class MetricsActor(FollowerActor):
    """Hosts diagnose.metrics.part.MetricsPart."""

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(lambda: wiring.build_metrics(settings), lambda: wiring.open_reader(settings), batch=_BATCH)
