"""Call an HTTP endpoint: one request, within the guard's limits of place, size and time."""

from typing import Any, Literal

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, Lasting, StepFailed, StepTime, World
from grace_ray.core.canonical import canonical


class HttpArguments(Arguments):
    """``body`` is sent as JSON where it is given; a status other than 2xx is a failure."""

    url: str = Field(min_length=8, max_length=2048, pattern=r"^https?://")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    body: Any = None
    headers: dict[str, str] = Field(default_factory=dict, max_length=20)


class CallHttp(Lasting):
    """Redirects are not followed: an answer of 3xx is a failure that says where to."""

    arguments = HttpArguments

    def plan(self, arguments: HttpArguments, world: World) -> str:
        """Say the request."""
        return f"Send {arguments.method} {arguments.url}."

    def run(self, arguments: HttpArguments, world: World, time: StepTime) -> str:
        """Send it."""
        body = b"" if arguments.body is None else canonical(arguments.body)
        headers = {"Idempotency-Key": world.run_id, **arguments.headers}
        if body:
            headers.setdefault("Content-Type", "application/json")
        status, text = world.http.send(arguments.method, arguments.url, body, headers, time.left())
        if not 200 <= status < 300:
            raise StepFailed(f"{arguments.url} answered {status}: {text[:500]}")
        return f"{arguments.url} answered {status}."
