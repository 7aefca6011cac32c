"""What lies in deploy/ names only what exists: metrics, settings, the application, and the same Ray as cluster.yaml."""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import yaml

from grace_ray.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SUFFIXES = ("_bucket", "_sum", "_count", "_total")


def told() -> set[str]:
    """The names of all metrics that the HTTP face has."""
    from serve_apps.meters import Meters

    return {sample for family in Meters().registry.collect() for sample in {family.name, f"{family.name}_total"}}


def named(text: str) -> set[str]:
    return set(re.findall(r"\bgrace_[a-z_]+", text))


def exists(name: str, known: set[str]) -> bool:
    stems = {name, *(name.removesuffix(suffix) for suffix in SUFFIXES)}
    return not stems.isdisjoint(known)


def test_every_metric_on_the_dashboard_exists():
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    asked = {name for panel in dashboard["panels"] for target in panel["targets"] for name in named(target["expr"])}
    known = told()
    assert len(asked) > 8
    assert not [name for name in asked if not exists(name, known)]


def test_every_metric_in_the_operations_page_exists():
    known = told()
    page = (ROOT / "docs" / "operations.md").read_text().split("## Metrics")[1].split("\n## ")[0]
    assert not [name for name in named(page) if not exists(name, known)]


def test_prometheus_scrapes_the_path_and_port_of_the_defaults():
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert job["static_configs"][0]["targets"] == [f"127.0.0.1:{Settings.model_fields['http_port'].default}"]


def manifest() -> dict[str, Any]:
    documents = yaml.safe_load_all((DEPLOY / "kuberay-rayservice.yaml").read_text())
    return {document["kind"]: document for document in documents}


def pod() -> dict[str, Any]:
    head = manifest()["RayService"]["spec"]["rayClusterConfig"]["headGroupSpec"]
    return dict(head["template"]["spec"])


def test_the_manifest_deploys_the_application_of_grace_up():
    config = yaml.safe_load(manifest()["RayService"]["spec"]["serveConfigV2"])
    (application,) = config["applications"]
    module, _, name = application["import_path"].partition(":")
    found = importlib.import_module(module)
    assert callable(getattr(found, name))
    assert application["name"] == found._NAME


def test_every_setting_in_the_manifest_exists():
    variables = [variable["name"] for container in pod()["containers"] for variable in container["env"]]
    variables += list(manifest()["Secret"]["stringData"])
    for variable in variables:
        if variable.startswith("GRACE_"):
            section, _, name = variable.removeprefix("GRACE_").lower().partition("__")
            field = Settings.model_fields[section]
            assert not name or name in type(field.default).model_fields, variable


def test_the_manifest_starts_ray_as_the_cluster_launcher_does():
    launcher = (ROOT / "cluster.yaml").read_text()
    head = {variable["name"]: variable["value"] for variable in pod()["containers"][0]["env"]}
    for name in ("RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED", "RAY_worker_niceness"):
        assert f"{name}={head[name]}" in launcher


def test_every_volume_that_is_mounted_is_there():
    volumes = {volume["name"] for volume in pod()["volumes"]}
    assert {mount["name"] for container in pod()["containers"] for mount in container["volumeMounts"]} == volumes
