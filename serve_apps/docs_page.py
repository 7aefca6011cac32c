"""The page at /docs: the OpenAPI description made readable, from this server alone (no CDN, so it works offline)."""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse, Response

_HERE = Path(__file__).parent / "docs_page_assets"
_POLICY = {"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'"}


def install(app: FastAPI) -> None:
    """Serve the page, its script and its style."""
    app.get("/docs", include_in_schema=False)(_page)
    app.get("/docs/{name}", include_in_schema=False)(_part)


async def _page() -> Response:
    return FileResponse(_HERE / "index.html", headers=_POLICY)


async def _part(name: str) -> Response:
    if name not in {"docs.js", "docs.css"}:
        return Response(status_code=404)
    return FileResponse(_HERE / name, headers=_POLICY)
