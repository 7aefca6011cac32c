"""The data commands against a real Grace: what they send, what they print, and how they exit."""

import json
import subprocess
import sys

import pytest

from grace_ray.core.errors import InvalidInput, NotFound, Unreachable


@pytest.fixture
def key(here):
    """A cluster that stands already."""
    for number in range(5):
        here("emit", "agent.task.failed", f"task {number} failed", "--source", "agents/a")
    return here("clusters", "list", "--json").json["items"][0]["cluster_key"]


def test_an_event_is_sent_once_however_often_it_is_emitted(here):
    first = here("emit", "agent.task.failed", "no tool answered", "--id", "x1", "--data", '{"tool": "search"}')
    assert (first.code, first.out.strip()) == (0, "accepted: x1")
    assert here("emit", "agent.task.failed", "no tool answered", "--id", "x1").out.strip() == "known already: x1"
    (entry,) = here("journal", "list", "--kind", "event", "--json").json["items"]
    assert entry["body"]["data"] == {"tool": "search"}


def test_a_refused_event_exits_1_and_says_why(here):
    said = here("emit", "agent.task.failed", "--severity", "apocalyptic")
    assert said.code == 1
    assert "severity" in said.out


@pytest.mark.parametrize("data", ["{", "[1]", "7"])
def test_data_that_is_no_object_is_a_usage_error(here, data):
    assert here("emit", "a.b", "--data", data).code == 2


def test_clusters_are_listed_shown_and_acted_on(here, key):
    assert key in here("clusters", "list").out
    assert f"cluster_key          {key}" in here("clusters", "show", key).out
    shown = here("clusters", "show", key, "--json").json
    assert shown["event_count"] == 5
    assert shown["missions"]
    for action, status in [
        ("ack", "acknowledged"),
        ("silence", "silenced"),
        ("reopen", "open"),
        ("resolve", "resolved"),
    ]:
        said = here("clusters", action, key, "--by", "ada", "--note", "seen")
        assert said.out.startswith(f"{key} is {status}"), said
    assert here("clusters", "severity", key, "low", "--json").json["severity"] == "low"
    assert here("clusters", "list", "--status", "open").out.strip() == "No clusters: all is quiet."


def test_a_merge_is_undone(here):
    for domain in ("a", "b"):
        here("emit", "x.y", "stuck", "--domain", domain, "--pattern", "stuck", "--source", domain)
    keys = [item["cluster_key"] for item in here("clusters", "list", "--json").json["items"]]
    assert here("clusters", "merge", *keys).code == 0
    assert len(here("clusters", "list", "--json").json["items"]) == 1
    assert here("clusters", "undo", keys[0]).code == 0
    assert len(here("clusters", "list", "--json").json["items"]) == 2


def test_missions_are_started_shown_and_cancelled(here):
    mission = here("missions", "start", "Why do builds fail?", "--topic", "builds", "--json").json
    assert mission["status"] == "pending"
    assert "Why do builds fail?" in here("missions", "list").out
    assert "pending" in here("missions", "show", mission["mission_id"]).out
    assert here("missions", "cancel", mission["mission_id"]).out.startswith(f"{mission['mission_id']} is cancelled")


def test_a_folder_of_runbooks_becomes_knowledge(here, tmp_path):
    folder = tmp_path / "runbooks" / "deep"
    folder.mkdir(parents=True)
    (folder / "disk.md").write_text("# Disk is full\n\nDelete old build artefacts, then run the collector.\n")
    (folder / "net.md").write_text("# Network\n\nRestart the proxy when connections are refused.\n")
    (folder / "image.png").write_bytes(b"\x89PNG")
    assert here("knowledge", "add", tmp_path / "runbooks").out.strip() == "2 added, 0 unchanged."
    assert here("knowledge", "add", tmp_path / "runbooks").out.strip() == "0 added, 2 unchanged."
    said = here("knowledge", "search", "the disk is full").out
    assert "Disk is full" in said.splitlines()[0]
    assert str(folder / "disk.md") in said
    assert here("knowledge", "stats", "--json").json["documents"] == 2


def test_why_is_answered_in_sentences(here, key):
    assert "severity" in here("explain", key).out
    assert here("explain", key, "--json").json["answer"]


def test_what_is_not_there_is_an_error_that_names_it(here):
    assert isinstance(here("clusters", "show", "a:b:c").error, NotFound)
    assert isinstance(here("clusters", "list", "--status", "purple").error, InvalidInput)
    assert here("clusters", "silence", "a:b:c", "--until", "soon").code == 2


def test_no_runtime_is_unreachable(grace, tmp_path):
    said = grace("clusters", "list", "--url", "http://127.0.0.1:9", "--home", tmp_path)
    assert isinstance(said.error, Unreachable)


def _process(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "grace_ray.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_exit_codes_tell_scripts_what_happened(served, tmp_path):
    here = ("--url", served.url, "--home", served.home)
    assert _process("clusters", "list", *here).returncode == 0
    failed = _process("clusters", "show", "a:b:c", *here)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "a:b:c" in failed.stderr
    assert _process("clusters", "dance").returncode == 2
    unreachable = _process("clusters", "list", "--url", "http://127.0.0.1:9", "--home", tmp_path)
    assert unreachable.returncode == 3
    assert "grace up" in unreachable.stderr
    wrong_setting = _process("clusters", "list", GRACE_HTTP_PORT="many", GRACE_HOME=str(tmp_path))
    assert wrong_setting.returncode == 2
    assert "http_port" in wrong_setting.stderr


def test_help_lists_every_family_without_loading_any():
    code = "import sys; sys.argv = ['grace', '--help']\nfrom grace_ray.cli.main import main\ntry: main()\n"
    code += "except SystemExit: print([m for m in ('httpx', 'grace_ray.settings', 'numpy') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert said.splitlines()[-1] == "[]"
    for family in ("up", "replay", "clusters", "journal", "explain"):
        assert f"  {family} " in said


def test_json_is_json_and_nothing_else(here, key):
    for command in (["clusters", "list"], ["missions", "list"], ["journal", "list"], ["clusters", "show", key]):
        json.loads(here(*command, "--json").out)
