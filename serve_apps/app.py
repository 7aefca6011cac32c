"""The HTTP face of Grace: one FastAPI application over a Gateway. It knows neither Ray nor where the parts live."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import SystemRandom

from fastapi import FastAPI

from grace_ray import __version__, wiring
from grace_ray.core.recommendation import RECOMMENDATIONS_VIEW
from grace_ray.sense.intake import Intake
from grace_ray.sense.recommendations import RecommendationDoor
from grace_ray.sense.workspaces import WorkspaceGate
from serve_apps import docs_page, problems
from serve_apps.auth import Guard
from serve_apps.bodies import Bodies
from serve_apps.brakes import Brakes
from serve_apps.console.pages import console_router
from serve_apps.feed import Feed
from serve_apps.gateway import Gateway
from serve_apps.idempotency import Idempotency
from serve_apps.meters import Meters
from serve_apps.requests import Requests
from serve_apps.routes import (
    agents,
    causal_rl,
    clusters,
    events,
    explain,
    forecaster,
    groups,
    health,
    journal,
    knowledge,
    learning,
    learning_cycles,
    learning_feedback,
    metrics,
    missions,
    ml_dashboard,
    otlp,
    playbooks,
    registry,
    schedules,
    session,
    stream,
)
from serve_apps.vitals import Vitals

FAMILIES = (
    playbooks,
    causal_rl,
    events,
    metrics,
    clusters,
    groups,
    missions,
    otlp,
    knowledge,
    agents,
    learning_cycles,
    learning,
    learning_feedback,
    journal,
    forecaster,
    ml_dashboard,
    explain,
    schedules,
    stream,
    registry,
    session,
    health,
)


def build(gateway: Gateway) -> FastAPI:
    """Return the application; ``gateway`` is how it reaches the rest of Grace."""
    meters, vitals = Meters(), Vitals()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reporting = asyncio.create_task(vitals.report(gateway)) if gateway.settings.metrics.enabled else None
        yield
        if reporting is not None:
            reporting.cancel()

    app = FastAPI(
        lifespan=lifespan,
        title="Grace",
        version=__version__,
        description="A self-improving operations runtime for fleets of agents and services.",
        docs_url=None,
        redoc_url=None,
        responses={"4XX": problems.DOCUMENTED, "5XX": problems.DOCUMENTED},
    )
    app.state.gateway = gateway
    app.state.meters = meters
    app.state.brakes = Brakes(gateway.reader)
    app.state.playbooks = wiring.load_playbooks(gateway.settings)
    app.state.catalog = wiring.load_catalog(gateway.settings)
    app.state.intake = Intake(gateway.settings.intake)
    app.state.samples = wiring.build_sample_intake(gateway.settings, gateway.reader)
    app.state.recommendations = RecommendationDoor(
        gateway.settings.intake,
        SystemRandom(),
        WorkspaceGate(
            gateway.settings.trust.workspaces_max, lambda: gateway.reader.workspaces(RECOMMENDATIONS_VIEW)
        ).admit,
    )
    app.state.feed = Feed(gateway.reader, stream.figures(gateway.reader))
    problems.install(app)
    for family in FAMILIES:
        app.include_router(family.router)
    app.include_router(console_router(gateway))
    docs_page.install(app)
    # The last one added is the outermost.
    app.add_middleware(Idempotency, gateway=gateway)
    app.add_middleware(Bodies, max_bytes=gateway.settings.intake.body_max_bytes)
    app.add_middleware(Guard, settings=gateway.settings)
    app.add_middleware(Requests, meters=meters, vitals=vitals)
    return app
