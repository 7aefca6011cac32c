"""GitHub's webhooks: the signature, and what each sample delivery means."""

import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.core.errors import CallerError, Disabled, InvalidInput, Unauthorized
from grace_ray.core.event_types import REGISTRY
from grace_ray.core.fact import Row
from grace_ray.sense.formats import github
from grace_ray.sense.intake import Intake
from grace_ray.settings import IntakeSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMITS = IntakeSettings.model_validate({"github_secret": "s3cret"})


def headers(webhook: str, body: bytes, secret: str = "s3cret") -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-github-event": webhook,
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-hub-signature-256": f"sha256={digest}",
    }


def row(webhook: str, body: bytes) -> Row:
    taken = Intake(LIMITS).take(github.decode(headers(webhook, body), body, LIMITS), NOW)
    assert not taken.rejected
    return taken.rows[0]


def test_only_what_is_signed_with_the_secret_is_taken():
    body = b'{"zen": "Design for failure."}'
    assert row("ping", body).id == "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    with pytest.raises(Unauthorized):
        github.decode(headers("ping", body, "other"), body, LIMITS)
    with pytest.raises(Unauthorized):
        github.decode(headers("ping", body) | {"x-hub-signature-256": "é"}, body, LIMITS)
    with pytest.raises(Unauthorized):
        github.decode({"x-github-event": "ping"}, body, LIMITS)
    with pytest.raises(Disabled):
        github.decode(headers("ping", body, ""), body, IntakeSettings())


def test_form_encoded_deliveries_are_read():
    body = urlencode({"payload": '{"zen": "Keep it simple."}'}).encode()
    form = headers("ping", body) | {"content-type": "application/x-www-form-urlencoded"}
    assert len(github.decode(form, body, LIMITS)) == 1
    bad = b"nothing=here"
    with pytest.raises(InvalidInput):
        github.decode(headers("ping", bad) | {"content-type": form["content-type"]}, bad, LIMITS)


def test_a_failure_on_a_side_branch_is_less_grave():
    def found(branch: str) -> str:
        run = {"conclusion": "failure", "head_branch": branch, "name": "CI"}
        body = orjson.dumps({"workflow_run": run, "repository": {"full_name": "o/r", "default_branch": "main"}})
        severity: str = orjson.loads(row("workflow_run", body).body)["severity"]
        return severity

    assert (found("main"), found("feature")) == ("high", "medium")


@given(
    st.sampled_from(["check_run", "push", "dependabot_alert", "status", "weird"]),
    st.dictionaries(
        st.sampled_from(["check_run", "alert", "action", "repository", "sender", "state", "name", "conclusion"]),
        st.none() | st.text() | st.integers() | st.lists(st.text(), max_size=2)
        | st.dictionaries(st.sampled_from(["full_name", "conclusion", "rule", "number", "summary"]), st.text()),
    )
    | st.lists(st.integers(), max_size=2),
)  # fmt: skip
def test_no_signed_payload_breaks_it(webhook, payload):
    try:
        body = orjson.dumps(payload)
        decoded = github.decode(headers(webhook, body), body, LIMITS)
    except (CallerError, TypeError):
        return
    Intake(LIMITS).take(decoded, NOW)


EXPECTED = {
    "check_run/completed.1": ("github.check.failed", "high"),
    "check_run/completed": ("github.check.succeeded", "low"),
    "check_run/created": ("github.activity", "low"),
    "check_suite/completed": ("github.check.succeeded", "low"),
    "code_scanning_alert/created": ("github.security.alert", None),
    "code_scanning_alert/fixed": ("github.security.fixed", "low"),
    "code_scanning_alert/closed-by-user": ("github.security.fixed", "low"),
    "dependabot_alert/created": ("github.security.alert", None),
    "deployment_status/": ("github.deployment.succeeded", "low"),
    "deployment_status/gh-pages": ("github.activity", "low"),
    "issues/opened": ("github.issue.opened", "low"),
    "issues/labeled": ("github.activity", "low"),
    "push/": ("github.activity", "low"),
    "repository_vulnerability_alert/create": ("github.security.alert", "medium"),
    "repository_vulnerability_alert/dismiss": ("github.security.fixed", "low"),
    "security_advisory/published": ("github.security.alert", None),
    "status/": ("github.check.succeeded", "low"),
    "workflow_job/completed.failure.with-organization": ("github.workflow.failed", None),
    "workflow_job/completed.success.with-organization": ("github.workflow.succeeded", "low"),
    "workflow_job/queued": ("github.activity", "low"),
    "workflow_run/requested": ("github.activity", "low"),
}


def test_the_samples_mean_what_a_person_would_say(shared_data: Path):
    for name, (type_name, severity) in EXPECTED.items():
        folder, _, rest = name.partition("/")
        path = shared_data / "webhooks" / folder / f"{rest + '.' if rest else ''}payload.json"
        found = row(folder, path.read_bytes())
        assert found.type == type_name, name
        assert severity is None or orjson.loads(found.body)["severity"] == severity, name


def test_every_sample_is_taken_as_a_registered_type_with_a_line_to_read(shared_data: Path):
    paths = sorted((shared_data / "webhooks").glob("*/*.json"))
    assert len(paths) > 100
    for path in paths:
        found = row(path.parent.name, path.read_bytes())
        body = orjson.loads(found.body)
        assert found.type in REGISTRY
        assert body["domain"] == "github"
        assert path.parent.name in body["message"]
        assert len(found.body) < 8000, "the hundreds of API addresses are left out"
