"""The Serve application: one replica of the HTTP face, resolved by ``grace up`` by the name of this module."""

from typing import Any

from ray import serve
from ray.serve.config import HTTPOptions

from grace_ray.core.errors import RuntimeFault
from grace_ray.settings import Settings

_NAME = "grace"


def application(settings: Settings) -> Any:
    """Return the bound Serve application; the FastAPI app itself is built on the replica."""

    def build() -> Any:
        from actors.gateway import RayGateway
        from actors.logs import log_to_home
        from serve_apps.app import build as build_app
        from serve_apps.loopback import keep_replica_on_loopback

        keep_replica_on_loopback()
        log_to_home(settings, "http")
        return build_app(RayGateway(settings))

    @serve.deployment(
        name="api",
        num_replicas=1,
        ray_actor_options={"num_cpus": 0},
        max_ongoing_requests=256,
        max_queued_requests=512,
        health_check_period_s=1,
        health_check_timeout_s=5,
        graceful_shutdown_timeout_s=5,
        max_constructor_retry_count=2,  # of the very first start; later ones are tried for ever
    )
    @serve.ingress(build)
    class Api:
        """Translates HTTP to the parts and back."""

    deployment: Any = Api
    return deployment.bind()


def deploy(settings: Settings) -> str:
    """Start Serve's proxy, or find it running, deploy the application, and return where it answers.

    Raises RuntimeFault with the reason where the application does not start.
    """
    serve.start(
        proxy_location="HeadOnly",
        http_options=HTTPOptions(host=settings.http_host, port=settings.http_port),
        logging_config={"enable_access_log": False},
    )
    try:
        serve.run(
            application(settings),
            name=_NAME,
            route_prefix="/",
            logging_config={"enable_access_log": False},
            external_scaler_enabled=True,  # playbooks say how many replicas there are
        )
    except RuntimeError as error:
        raise RuntimeFault(f"The HTTP face does not start: {_reason() or error}") from error
    return settings.url


def _reason() -> str:
    """Return the last line of the replica's traceback: serve.run says no more than that there was one."""
    applications = serve.status().applications
    found = applications[_NAME].deployments.values() if _NAME in applications else ()
    lines = [line.strip() for deployment in found for line in deployment.message.splitlines() if line.strip()]
    return lines[-1] if lines else ""
