"""Each call of the HTTP API as a typed function that sends nothing: both clients make their methods of these."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from grace_ray.client.answers import ClusterDetail, Page, cluster_detail
from grace_ray.core.clock import to_text
from grace_ray.core.cluster import Cluster, IncidentGroup
from grace_ray.core.document import Document, Hit
from grace_ray.core.forecast import Forecast, IncidentWarning, TrainingRun
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.mission import Mission
from grace_ray.core.playbook import Experience, Playbook, Recommendation, Run
from grace_ray.core.sample import Sample

T = TypeVar("T")
ClusterStatus = Literal["open", "acknowledged", "silenced", "resolved", "merged"]
MissionType = Literal["autonomous_learning", "knowledge_gap", "pattern_learning", "generic_learning"]
WarningStatus = Literal["open", "breached", "prevented", "false_alarm"]
RunStatus = Literal[
    "awaiting_approval",
    "pending",
    "running",
    "completed",
    "failed",
    "timed_out",
    "interrupted",
    "undone",
    "rejected",
    "cancelled",
]
MissionStatus = Literal["pending", "running", "completed", "failed", "timed_out", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[Any], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


def _plain(answer: Any) -> dict[str, Any]:
    return dict(answer)


def _page(noun: type[T]) -> Callable[[Any], Page[T]]:
    return lambda answer: Page(items=[from_plain(noun, item) for item in answer["items"]], next=answer["next"])


def _get(path: str, read: Callable[[Any], T], **params: Any) -> Call[T]:
    return Call(method="GET", path=path, read=read, params=_given(params))


def _post(path: str, read: Callable[[Any], T], **body: Any) -> Call[T]:
    return Call(method="POST", path=path, read=read, body=_given(body))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _cluster(answer: Any) -> Cluster:
    return from_plain(Cluster, answer)


def _mission(answer: Any) -> Mission:
    return from_plain(Mission, answer)


def _run(answer: Any) -> Run:
    return from_plain(Run, answer)


def _on_cluster(key: str, action: str, **body: Any) -> Call[Cluster]:
    return _post(f"/api/clusters/{quote(key, safe=':')}/{action}", _cluster, **body)


# Clusters


def clusters(*, status: ClusterStatus | None = None, limit: int = 100, after: str | None = None) -> Call[Page[Cluster]]:
    """List clusters, most urgent first; ``after`` is the ``next`` of the page before."""
    return _get("/api/clusters", _page(Cluster), status=status, limit=limit, after=after)


def cluster(key: str) -> Call[ClusterDetail]:
    """Get one cluster with its events, missions and group. Raises NotFound."""
    return _get(f"/api/clusters/{quote(key, safe=':')}", cluster_detail)


def acknowledge(
    key: str, *, by: str | None = None, note: str = "", until: datetime | None = None, for_s: float | None = None
) -> Call[Cluster]:
    """Say that a person looks after a cluster, until a time or for so many seconds."""
    return _on_cluster(key, "acknowledge", by=by, note=note, until=until and to_text(until), for_s=for_s)


def silence(
    key: str, *, until: datetime | None = None, for_s: float | None = None, by: str | None = None, note: str = ""
) -> Call[Cluster]:
    """Let a cluster launch nothing until a time, or for so many seconds."""
    return _on_cluster(key, "silence", by=by, note=note, until=until and to_text(until), for_s=for_s)


def resolve(key: str, *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Say that a cluster's trouble is over, or was none."""
    return _on_cluster(key, "resolve", by=by, note=note)


def reopen(key: str, *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Say that a resolved cluster is not over."""
    return _on_cluster(key, "reopen", by=by, note=note)


def set_severity(
    key: str, severity: Literal["low", "medium", "high", "critical"], *, by: str | None = None, note: str = ""
) -> Call[Cluster]:
    """Set how grave a cluster is, whatever its events say."""
    return _on_cluster(key, "severity", value=severity, by=by, note=note)


def clear(key: str, action: str = "", *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Take a person's word on a cluster back: of one action, or all of it."""
    return _on_cluster(key, "clear", value=action, by=by, note=note)


def merge(keys: Sequence[str], *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Say that clusters are one; the first key survives. It stays so for events to come, until ``undo``."""
    return _post("/api/clusters/merge", _cluster, keys=list(keys), by=by, note=note)


def split(
    key: str,
    *,
    templates: Sequence[str] = (),
    keys: Sequence[str] = (),
    by: str | None = None,
    note: str = "",
) -> Call[list[Cluster]]:
    """Take message templates, or merged keys, out of a cluster; return the clusters that come of it."""
    path = f"/api/clusters/{quote(key, safe=':')}/split"
    return _post(
        path,
        lambda answer: [_cluster(item) for item in answer["clusters"]],
        templates=list(templates),
        keys=list(keys),
        by=by,
        note=note,
    )


def undo(key: str, *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Take the last merge or split of a cluster back. Raises Conflict where there is none."""
    return _on_cluster(key, "undo", by=by, note=note)


def groups(*, status: str | None = None, limit: int = 100, after: str | None = None) -> Call[Page[IncidentGroup]]:
    """List incident groups: clusters that one fault explains."""
    return _get("/api/groups", _page(IncidentGroup), status=status, limit=limit, after=after)


def group(group_id: str) -> Call[IncidentGroup]:
    """Get one incident group. Raises NotFound."""
    return _get(f"/api/groups/{quote(group_id, safe='')}", lambda answer: from_plain(IncidentGroup, answer))


# Missions


def missions(*, status: MissionStatus | None = None, limit: int = 100, after: str | None = None) -> Call[Page[Mission]]:
    """List missions, newest first."""
    return _get("/api/missions", _page(Mission), status=status, limit=limit, after=after)


def mission(mission_id: str) -> Call[Mission]:
    """Get one mission with its sources and knowledge. Raises NotFound."""
    return _get(f"/api/missions/{quote(mission_id, safe='')}", _mission)


def create_mission(
    question: str,
    *,
    topic: str = "",
    mission_type: MissionType = "generic_learning",
    cluster_key: str | None = None,
    by: str | None = None,
) -> Call[Mission]:
    """Ask Grace to learn something; the mission waits in the queue like any other."""
    named = {"topic": topic, "mission_type": mission_type, "cluster_key": cluster_key}
    return _post("/api/missions", _mission, question=question, by=by, **named)


def cancel_mission(mission_id: str, *, by: str | None = None, note: str = "") -> Call[Mission]:
    """Cancel a mission that has not ended. Raises Conflict where it has."""
    return _post(f"/api/missions/{quote(mission_id, safe='')}/cancel", _mission, by=by, note=note)


# Metrics


def send_samples(samples: Sequence[Sample]) -> Call[dict[str, Any]]:
    """Send samples of metrics; answer {accepted, duplicates, rejected: [{index, metric, reason}]}, durable."""
    bodies = [
        {
            "metric": sample.metric,
            "value": sample.value,
            "timestamp": to_text(sample.at),
            "labels": dict(sample.labels),
            "type": "counter" if sample.is_counter else "gauge",
        }
        for sample in samples
    ]
    return _post("/api/metrics", _plain, samples=bodies)


def metrics(*, limit: int = 100, after: str | None = None) -> Call[Page[dict[str, Any]]]:
    """List metrics, those of the catalog and all others that have data, with their newest values and bands."""
    return _get("/api/metrics", _items, limit=limit, after=after)


def metric_snapshots(
    metric: str,
    *,
    start: datetime | None = None,
    to: datetime | None = None,
    step: int | None = None,
    limit: int = 1000,
    after: str | None = None,
) -> Call[Page[dict[str, Any]]]:
    """List a metric's snapshots from ``start`` to ``to``, of five minutes or (``step`` 3600) an hour each."""
    period = _period(start, to)
    path = f"/api/metrics/{quote(metric, safe='')}/snapshots"
    return _get(path, _items, **period, step=step, limit=limit, after=after)


def metric_points(
    metric: str,
    *,
    start: datetime | None = None,
    to: datetime | None = None,
    limit: int = 1000,
    after: str | None = None,
) -> Call[Page[dict[str, Any]]]:
    """List a metric's points from ``start`` to ``to``, as they came in."""
    return _get(f"/api/metrics/{quote(metric, safe='')}/points", _items, **_period(start, to), limit=limit, after=after)


def _items(answer: Any) -> Page[dict[str, Any]]:
    return Page(items=answer["items"], next=answer["next"])


def _period(start: datetime | None, to: datetime | None) -> dict[str, str | None]:
    return {"from": to_text(start) if start else None, "to": to_text(to) if to else None}


# Playbooks


def playbooks(*, limit: int = 100, after: str | None = None) -> Call[Page[Playbook]]:
    """List the playbooks in order of id."""
    return _get("/api/playbooks", _page(Playbook), limit=limit, after=after)


def playbook(playbook_id: str) -> Call[Playbook]:
    """Get one playbook. Raises NotFound, naming the nearest."""
    return _get(f"/api/playbooks/{quote(playbook_id, safe='')}", lambda answer: from_plain(Playbook, answer))


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
    return _post(path, _run, subject=subject, parameters=dict(parameters or {}), dry_run=dry_run, by=by)


def playbook_runs(*, status: RunStatus | None = None, limit: int = 100, after: str | None = None) -> Call[Page[Run]]:
    """List runs, newest first; those of status awaiting_approval wait for somebody's word."""
    return _get("/api/playbook-runs", _page(Run), status=status, limit=limit, after=after)


def playbook_run(run_id: str) -> Call[Run]:
    """Get one run with its steps. Raises NotFound."""
    return _get(f"/api/playbook-runs/{quote(run_id, safe='')}", _run)


def approve_run(run_id: str, *, by: str | None = None, note: str = "") -> Call[Run]:
    """Let a run go on that waits for approval. Raises Conflict where it does not."""
    return _post(f"/api/playbook-runs/{quote(run_id, safe='')}/approve", _run, by=by, note=note)


def reject_run(run_id: str, *, by: str | None = None, note: str = "") -> Call[Run]:
    """Forbid a run that waits for approval. Raises Conflict where it does not."""
    return _post(f"/api/playbook-runs/{quote(run_id, safe='')}/reject", _run, by=by, note=note)


def cancel_run(run_id: str, *, by: str | None = None, note: str = "") -> Call[Run]:
    """Call off a run that has not ended; what it did is taken back where it can be. Raises Conflict."""
    return _post(f"/api/playbook-runs/{quote(run_id, safe='')}/cancel", _run, by=by, note=note)


def recommend_playbooks(service: str, diagnosis: str, *, candidates: Sequence[str] = ()) -> Call[list[Recommendation]]:
    """Rank playbooks for a service and a diagnosis by what was learned, best first. Raises NotFound."""
    return _get(
        "/api/ml/causal-rl/recommend",
        lambda answer: [from_plain(Recommendation, item) for item in answer],
        service=service,
        diagnosis=diagnosis,
        candidates=",".join(candidates),
    )


def playbook_statistics() -> Call[dict[str, Any]]:
    """Get what playbooks have taught, in figures."""
    return _get("/api/ml/causal-rl/statistics", _plain)


def playbook_policies() -> Call[list[dict[str, Any]]]:
    """List what is thought of each playbook, by service and diagnosis."""
    return _get("/api/ml/causal-rl/policies", lambda answer: list(answer["items"]))


def playbook_performance() -> Call[list[dict[str, Any]]]:
    """List how each playbook has done, best first."""
    return _get("/api/ml/dashboard/playbook-performance", lambda answer: list(answer["items"]))


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
    return _post(
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


# Knowledge


def search(query: str, *, k: int = 5, origins: Sequence[str] = ()) -> Call[list[Hit]]:
    """Search what Grace knows; the best ``k`` passages, each with its source."""
    return _get(
        "/api/knowledge",
        lambda answer: [from_plain(Hit, item) for item in answer["items"]],
        q=query,
        k=k,
        origin=list(origins) or None,
    )


def add_documents(documents: Sequence[Document]) -> Call[dict[str, Any]]:
    """Add documents to what Grace knows; answer {added, unchanged}."""
    wanted = ("source", "title", "text", "origin", "topic", "learned_from", "confidence", "at", "meta")
    plain = [to_plain(document) for document in documents]
    bodies = [{name: item[name] for name in wanted if item[name] not in (None, "", {})} for item in plain]
    return _post("/api/knowledge", _plain, documents=bodies)


def knowledge_stats() -> Call[dict[str, Any]]:
    """Count documents, passages and statements."""
    return _get("/api/knowledge/stats", _plain)


def knowledge_feedback(statement_id: str, *, useful: bool, by: str | None = None) -> Call[dict[str, Any]]:
    """Say whether a statement helped."""
    return _post(f"/api/knowledge/{quote(statement_id, safe='')}/feedback", _plain, useful=useful, by=by)


# Journal


def journal(
    *,
    after: int | None = None,
    limit: int = 100,
    kind: str | Sequence[str] | None = None,
    source: str | None = None,
    type: str | None = None,  # noqa: A002 -- the API's own word
    subject: str | None = None,
    trace: str | None = None,
    q: str | None = None,
    order: Literal["asc", "desc"] = "asc",
) -> Call[Page[dict[str, Any]]]:
    """List journal entries; ``q`` is a substring of the body. ``next`` is the ``after`` of the page that follows.

    A search ends soon with what it has found: go on as long as there is a ``next``, even where a page is empty.
    """
    return _get(
        "/api/journal",
        lambda answer: Page(items=answer["items"], next=answer["next"]),
        after=after,
        limit=limit,
        kind=kind,
        source=source,
        type=type,
        subject=subject,
        trace=trace,
        q=q,
        order=order,
    )


def entry(seq: int) -> Call[dict[str, Any]]:
    """Get one journal entry. Raises NotFound."""
    return _get(f"/api/journal/{seq}", _plain)


def proof(seq: int, tree_size: int | None = None) -> Call[dict[str, Any]]:
    """Get the proof that an entry stands on the journal (RFC 6962 audit path), by default to the newest checkpoint."""
    return _get(f"/api/journal/{seq}/proof", _plain, tree_size=tree_size)


def public_key() -> Call[dict[str, Any]]:
    """Get the key that checkpoints are signed with: {key, hex, pem}."""
    return _get("/api/journal/public-key", _plain)


def checkpoint() -> Call[dict[str, Any]]:
    """Get the newest signed checkpoint. Raises NotFound before the first."""
    return _get("/api/journal/checkpoint", _plain)


def consistency(first: int, second: int) -> Call[dict[str, Any]]:
    """Get the proof that the tree of ``second`` entries begins with that of ``first``."""
    return _get("/api/journal/consistency", _plain, first=first, second=second)


# The whole


def explain(thing_id: str) -> Call[dict[str, Any]]:
    """Ask why: the id is an event's, cluster's, mission's, group's or statement's. Raises NotFound."""
    return _get(f"/api/explain/{quote(thing_id, safe=':')}", _plain)


def status() -> Call[dict[str, Any]]:
    """Ask how each part is."""
    return _get("/api/status", _plain)


def health() -> Call[dict[str, Any]]:
    """Ask whether Grace is alive: {status}."""
    return _get("/healthz", _plain)


def session() -> Call[dict[str, Any]]:
    """Ask who this client is to Grace: {name, scopes, required}."""
    return _get("/api/session", _plain)


def dashboard() -> Call[dict[str, Any]]:
    """Get the learning-feedback dashboard: overview, statistics, current state, metrics."""
    return _get("/api/learning-feedback/dashboard", _plain)


def registry() -> Call[Any]:
    """List the registered event types."""
    return _get("/api/registry", lambda answer: answer)


def predict(metric_ids: Sequence[str] = (), *, horizon_minutes: float = 60) -> Call[dict[str, Any]]:
    """Forecast metrics now (none named: the catalog's); returns {generated_at, horizon_minutes, predictions}.

    Raises NotFound, naming the nearest metrics.
    """
    return _post("/api/ml/forecaster/predict", _plain, metric_ids=list(metric_ids), horizon_minutes=horizon_minutes)


def forecasts(*, limit: int = 100, after: str | None = None) -> Call[Page[Forecast]]:
    """List the newest forecast of each metric."""
    return _get("/api/forecasts", _page(Forecast), limit=limit, after=after)


def forecast(metric: str, *, hours: float = 6) -> Call[dict[str, Any]]:
    """Get one metric's forecast beside its snapshots of the last ``hours`` and its warnings. Raises NotFound."""
    return _get(f"/api/forecasts/{quote(metric, safe='')}", _plain, hours=hours)


def incidents(
    *, status: WarningStatus | None = None, limit: int = 100, after: str | None = None
) -> Call[Page[IncidentWarning]]:
    """List early warnings, newest first."""
    return _get("/api/incidents", _page(IncidentWarning), status=status, limit=limit, after=after)


def incident(warning_id: str) -> Call[IncidentWarning]:
    """Get one early warning, and what came of it. Raises NotFound."""
    return _get(f"/api/incidents/{quote(warning_id, safe='')}", lambda answer: from_plain(IncidentWarning, answer))


def forecaster_statistics() -> Call[dict[str, Any]]:
    """Get which model speaks, how right it was, and how its warnings ended."""
    return _get("/api/ml/forecaster/statistics", _plain)


def train_forecaster(*, by: str | None = None, search: bool = False) -> Call[TrainingRun]:
    """Train the global model; follow it with ``training``. Raises Conflict while another training runs."""
    return _post("/api/ml/forecaster/train", _training, by=by, search=search)


def trigger_training(*, by: str | None = None, search: bool = False) -> Call[TrainingRun]:
    """Do the same as ``train_forecaster``, by the dashboard's route."""
    return _post("/api/ml/dashboard/trigger-training", _training, by=by, search=search)


def trainings(*, limit: int = 100, after: str | None = None) -> Call[Page[TrainingRun]]:
    """List trainings, newest first."""
    return _get("/api/ml/forecaster/trainings", _page(TrainingRun), limit=limit, after=after)


def training(run_id: str) -> Call[TrainingRun]:
    """Get one training: how far it is, or how it ended. Raises NotFound."""
    return _get(f"/api/ml/forecaster/trainings/{quote(run_id, safe='')}", _training)


def roll_back_forecaster() -> Call[dict[str, Any]]:
    """Put the version before back. Raises InvalidInput where none is on trial or newly promoted."""
    return _post("/api/ml/forecaster/rollback", _plain)


def ml_overview() -> Call[dict[str, Any]]:
    """Get health, forecaster, warnings, playbooks and learning at a glance."""
    return _get("/api/ml/dashboard/overview", _plain)


def learning_progress(*, days: int = 14) -> Call[dict[str, Any]]:
    """Get experiences, rewards and policies day by day."""
    return _get("/api/ml/dashboard/learning-progress", _plain, days=days)


def ml_health() -> Call[dict[str, Any]]:
    """Get the ML health score, 0..100, and its parts."""
    return _get("/api/ml/dashboard/health-report", _plain)


def forecast_accuracy() -> Call[dict[str, Any]]:
    """Get how right forecasts were, by metric and horizon."""
    return _get("/api/ml/dashboard/forecast-accuracy", _plain)


def training_history(*, limit: int = 100) -> Call[dict[str, Any]]:
    """Get trainings and what became of their versions."""
    return _get("/api/ml/dashboard/training-history", _plain, limit=limit)


def _training(answer: Any) -> TrainingRun:
    return from_plain(TrainingRun, answer)
