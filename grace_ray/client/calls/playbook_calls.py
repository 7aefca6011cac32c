"""Calls about playbooks, their runs, and what was learned of them."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from grace_ray.client.answers import Page
from grace_ray.client.calls.call import Call, get, page, plain, plain_page, post
from grace_ray.core.jsonable import from_plain
from grace_ray.core.playbook import Experience, Playbook, Recommendation, Run, RunStatus


def _run(answer: Any) -> Run:
    return from_plain(Run, answer)


def playbooks(*, limit: int = 100, after: str | None = None) -> Call[Page[Playbook]]:
    """List the playbooks in order of id."""
    return get("/api/playbooks", page(Playbook), limit=limit, after=after)


def playbook(playbook_id: str) -> Call[Playbook]:
    """Get one playbook. Raises NotFound, naming the nearest."""
    return get(f"/api/playbooks/{quote(playbook_id, safe='')}", lambda answer: from_plain(Playbook, answer))


def run_playbook(
    playbook_id: str,
    *,
    subject: str = "",
    parameters: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    by: str | None = None,
) -> Call[Run]:
    """Run a playbook, or (``dry_run``) hear what it would do; risky ones wait for approval. Raises Conflict."""
    path = f"/api/playbooks/{quote(playbook_id, safe='')}/run"
    return post(path, _run, subject=subject, parameters=dict(parameters or {}), dry_run=dry_run, by=by)


def playbook_runs(*, status: RunStatus | None = None, limit: int = 100, after: str | None = None) -> Call[Page[Run]]:
    """List runs, newest first; those of status awaiting_approval wait for somebody's word."""
    return get("/api/playbook-runs", page(Run), status=status, limit=limit, after=after)


def playbook_run(run_id: str) -> Call[Run]:
    """Get one run with its steps. Raises NotFound."""
    return get(f"/api/playbook-runs/{quote(run_id, safe='')}", _run)


def approve_run(run_id: str, *, by: str | None = None, note: str = "") -> Call[Run]:
    """Let a run go on that waits for approval. Raises Conflict where it does not."""
    return post(f"/api/playbook-runs/{quote(run_id, safe='')}/approve", _run, by=by, note=note)


def reject_run(run_id: str, *, by: str | None = None, note: str = "") -> Call[Run]:
    """Forbid a run that waits for approval. Raises Conflict where it does not."""
    return post(f"/api/playbook-runs/{quote(run_id, safe='')}/reject", _run, by=by, note=note)


def cancel_run(run_id: str, *, by: str | None = None, note: str = "") -> Call[Run]:
    """Call off a run that has not ended; what it did is taken back where it can be. Raises Conflict."""
    return post(f"/api/playbook-runs/{quote(run_id, safe='')}/cancel", _run, by=by, note=note)


def recommend_playbooks(service: str, diagnosis: str, *, candidates: Sequence[str] = ()) -> Call[list[Recommendation]]:
    """Rank playbooks for a service and a diagnosis by what was learned, best first. Raises NotFound."""
    return get(
        "/api/ml/causal-rl/recommend",
        lambda answer: [from_plain(Recommendation, item) for item in answer],
        service=service,
        diagnosis=diagnosis,
        candidates=",".join(candidates),
    )


def playbook_statistics() -> Call[dict[str, Any]]:
    """Get what playbooks have taught, in figures."""
    return get("/api/ml/causal-rl/statistics", plain)


def playbook_policies(*, limit: int = 1000, after: str | None = None) -> Call[Page[dict[str, Any]]]:
    """List what is thought of each playbook, by service and diagnosis."""
    return get("/api/ml/causal-rl/policies", plain_page, limit=limit, after=after)


def playbook_performance(*, limit: int = 1000, after: str | None = None) -> Call[Page[dict[str, Any]]]:
    """List how each playbook has done, best first."""
    return get("/api/ml/dashboard/playbook-performance", plain_page, limit=limit, after=after)


def report_experience(
    service: str,
    diagnosis: str,
    playbook: str,
    reward: float,
    *,
    candidates: Mapping[str, float] | None = None,
    context: Mapping[str, float] | None = None,
    kpi_deltas: Mapping[str, float] | None = None,
    trust_delta: float = 0.0,
    experience_id: str | None = None,
    by: str | None = None,
) -> Call[Experience]:
    """Report what a playbook brought elsewhere, -1 to 1; ``candidates`` are the probabilities of what could have been.

    The same ``experience_id`` again raises Conflict, and teaches nothing twice.
    """
    return post(
        "/api/ml/causal-rl/experience",
        lambda answer: from_plain(Experience, answer),
        service=service,
        diagnosis=diagnosis,
        playbook=playbook,
        reward=reward,
        candidates=[{"playbook": name, "probability": chance} for name, chance in (candidates or {}).items()],
        context=dict(context or {}),
        kpi_deltas=dict(kpi_deltas or {}),
        trust_delta=trust_delta,
        experience_id=experience_id,
        by=by,
    )
