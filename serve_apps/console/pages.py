"""The console's pages and files.

A page is a shell: layout, headings, forms, empty states. What Grace knows enters it in the browser, by way of the JSON
API and as text nodes only, so there is one place that checks tokens and none where hostile event text becomes markup.
Files have the hash of all of them in their address and never change under it; pages are checked at each visit.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from grace_ray import __version__
from grace_ray.core.metric import CRITICAL_METRICS
from serve_apps.gateway import Gateway

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"


class Page(NamedTuple):
    """A page: its address, template (and script of that name), and title."""

    path: str
    name: str
    title: str


PAGES = (
    Page("/", "overview", "Overview"),
    Page("/forecasts", "forecasts", "Forecasts"),
    Page("/forecasts/{series:path}", "forecast", "Forecast"),
    Page("/incidents", "incidents", "Incidents"),
    Page("/playbooks", "playbooks", "Playbooks"),
    Page("/playbooks/runs/{run_id}", "run", "Run of a playbook"),
    Page("/agents", "agents", "Agents"),
    Page("/agents/{agent_id:path}", "agent", "Agent"),
    Page("/clusters", "clusters", "Clusters"),
    Page("/clusters/{cluster_key:path}", "cluster", "Cluster"),
    Page("/missions", "missions", "Missions"),
    Page("/missions/{mission_id}", "mission", "Mission"),
    Page("/knowledge", "knowledge", "Knowledge"),
    Page("/schedule", "schedule", "Schedule"),
    Page("/journal", "journal", "Journal"),
    Page("/journal/{seq}", "entry", "Journal entry"),
    Page("/login", "login", "Log in"),
)
NAVIGATION = (
    ("/", "Overview", "overview"),
    ("/forecasts", "Forecasts", "forecasts forecast"),
    ("/incidents", "Incidents", "incidents"),
    ("/playbooks", "Playbooks", "playbooks run"),
    ("/agents", "Agents", "agents agent"),
    ("/clusters", "Clusters", "clusters cluster"),
    ("/missions", "Missions", "missions mission"),
    ("/knowledge", "Knowledge", "knowledge"),
    ("/schedule", "Schedule", "schedule"),
    ("/journal", "Journal", "journal entry"),
)


def console_router(gateway: Gateway) -> APIRouter:
    """Return the routes of the console; they need no token, as they hold no data."""
    files = _files()
    version = _version(files)
    router = APIRouter(include_in_schema=False)
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    shared = {
        "version": __version__,
        "files": f"/console/{version}",
        "url": gateway.settings.url,
        "nav": NAVIGATION,
        "critical_metrics": CRITICAL_METRICS,
    }
    for page in PAGES:
        html = templates.get_template(f"{page.name}.html").render(page=page, **shared).encode()
        router.get(page.path)(_shows(html))
    router.get("/console/{asked_version}/{name}")(_gives(files, version))
    router.get("/favicon.ico")(_shows(files["grace.svg"], "image/svg+xml"))
    return router


def _shows(content: bytes, media_type: str = "text/html") -> Callable[[], Awaitable[Response]]:
    async def show() -> Response:
        return Response(content, headers=_HEADERS, media_type=media_type)

    return show


def _gives(files: Mapping[str, bytes], version: str) -> Callable[[str, str], Awaitable[Response]]:
    async def give(asked_version: str, name: str) -> Response:
        if name not in files:
            return Response("There is no such file.", 404, media_type="text/plain")
        caching = _FOR_EVER if asked_version == version else "no-cache"
        return Response(files[name], headers={"Cache-Control": caching}, media_type=_TYPES[Path(name).suffix])

    return give


def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir()) if path.is_file()}


def _version(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
