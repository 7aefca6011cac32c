"""A gateway over an empty home, for an application whose routes are looked at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grace_ray import wiring
from grace_ray.core.clock import utc_now
from grace_ray.loop import LocalGateway, Loop
from grace_ray.settings import load


@pytest.fixture
def loopless(tmp_path: Path) -> Iterator[LocalGateway]:
    settings = load(home=tmp_path)
    wiring.prepare_home(settings)
    loop = Loop(wiring.open_journal(settings), wiring.open_reader(settings), [], utc_now)
    yield LocalGateway(settings, loop, {})
    loop.reader.close()
