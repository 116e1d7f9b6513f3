"""The kubernetes stand-in's pure parts: readiness, replacement, drift, field managers, installation."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from offline.plugins import installation
from offline.plugins.differences import parse_path
from offline.plugins.kubernetes_provider import checkpoint, objects, ownership, replacement
from offline.plugins.kubernetes_provider.configuration import Configuration
from offline.plugins.kubernetes_provider.normal import normalized
from offline.plugins.kubernetes_provider.readiness import complaints, progress, shortfall
from offline.plugins.values import UNKNOWN, encode


def workload(kind: str, status: dict[str, Any], group: str = "apps/v1", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": group, "kind": kind, "metadata": {"generation": 2}, "spec": spec, "status": status}


def condition(kind: str, status: str, **more: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, **more}]}


READY = [
    workload(
        "Deployment", {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}, replicas=2
    ),
    workload("DaemonSet", {"observedGeneration": 2, "desiredNumberScheduled": 0}),
    workload("StatefulSet", {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1}),
    workload("Job", condition("Complete", "True"), "batch/v1"),
    workload("Pod", condition("Ready", "True"), "v1"),
    workload("Pod", {"phase": "Succeeded"}, "v1"),
    workload("Service", {}, "v1", type="ClusterIP"),
    workload("CustomResourceDefinition", condition("Established", "True"), "apiextensions.k8s.io/v1"),
    workload("ConfigMap", {}, "v1"),
    workload("Widget", condition("Ready", "True"), "e.io/v1"),
]
WAITING = [
    (workload("Deployment", {}), "has not seen it"),
    (workload("Deployment", {"observedGeneration": 1}), "not seen the newest change"),
    (
        workload("Deployment", {"observedGeneration": 2, "updatedReplicas": 1}, replicas=2),
        "1 of 2 replicas are updated",
    ),
    (
        workload("Deployment", {"observedGeneration": 2, "updatedReplicas": 1, "replicas": 3}, replicas=1),
        "2 old replicas",
    ),
    (workload("DaemonSet", {"observedGeneration": 2, "desiredNumberScheduled": 2}), "0 of 2 nodes"),
    (workload("StatefulSet", {"observedGeneration": 2}, replicas=1), "0 of 1 replicas are ready"),
    (workload("Job", {"active": 1}, "batch/v1"), "1 are active"),
    (workload("Pod", {}, "v1"), "is Pending"),
    (workload("Service", {}, "v1", type="LoadBalancer"), "no load balancer address"),
    (workload("CustomResourceDefinition", {}, "apiextensions.k8s.io/v1"), "not established"),
    (workload("Widget", condition("Ready", "False", message="soon"), "e.io/v1"), "soon"),
]
FAILED = [
    workload("Deployment", condition("Progressing", "False", reason="ProgressDeadlineExceeded")),
    workload("Job", condition("Failed", "True"), "batch/v1"),
    workload("Pod", {"phase": "Failed"}, "v1"),
    workload("CustomResourceDefinition", condition("NamesAccepted", "False"), "apiextensions.k8s.io/v1"),
]


@pytest.mark.parametrize("obj", READY, ids=lambda obj: obj["kind"])
def test_ready(obj: dict[str, Any]) -> None:
    assert progress(obj).ready


@pytest.mark.parametrize(("obj", "message"), WAITING)
def test_not_ready_yet_and_why(obj: dict[str, Any], message: str) -> None:
    now = progress(obj)
    assert (now.ready, now.failed) == (False, False)
    assert message in now.message


@pytest.mark.parametrize("obj", FAILED, ids=lambda obj: obj["kind"])
def test_failed_for_good(obj: dict[str, Any]) -> None:
    assert progress(obj).failed


def test_an_object_being_deleted_is_not_ready() -> None:
    assert not progress({"kind": "ConfigMap", "metadata": {"deletionTimestamp": "now"}}).ready


def test_complaints_name_conditions_and_containers() -> None:
    waiting = {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    status = {**condition("Ready", "False", reason="R", message="m"), "containerStatuses": [waiting]}
    assert complaints({"status": status}) == [
        "condition Ready=False: R m",
        "container c: ImagePullBackOff no such image",
    ]
    assert complaints({"status": condition("Failed", "False", reason="R")}) == []


def _forces(kind: str, api_version: str, path: str, **more: Any) -> bool:
    obj = {"apiVersion": api_version, "kind": kind, **more}
    return replacement.forces(obj, obj, Configuration(kubeconfig=None), parse_path(path))


@pytest.mark.parametrize(
    ("kind", "version", "path"),
    [
        ("Deployment", "apps/v1", "spec.selector.matchLabels.app"),
        ("DaemonSet", "apps/v1", "spec.selector"),
        ("Job", "batch/v1", "spec.template.spec.containers[0].image"),
        ("Service", "v1", "spec.clusterIP"),
        ("RoleBinding", "rbac.authorization.k8s.io/v1", "roleRef.name"),
        ("Pod", "v1", "spec.containers[0].image"),
        ("Widget", "e.io/v1", "metadata.name"),
        ("ConfigMap", "v1", "data.a"),
        ("Secret", "v1", "stringData.a"),
    ],
)
def test_immutable_fields_replace(kind: str, version: str, path: str) -> None:
    assert _forces(kind, version, path)


@pytest.mark.parametrize(
    ("kind", "version", "path"),
    [
        ("Deployment", "apps/v1", "spec.template.spec.containers[0].image"),
        ("Deployment", "apps/v1", "metadata.labels.a"),
        ("Service", "v1", "spec.ports[0].port"),
        ("Pod", "v1", "spec.tolerations[0]"),
        ("ConfigMap", "v1", "metadata.annotations"),
        ("ConfigMap", "e.io/v1", "data.a"),
    ],
)
def test_other_fields_update(kind: str, version: str, path: str) -> None:
    assert not _forces(kind, version, path)


def test_mutable_switches_stop_at_immutable_objects() -> None:
    mutable = Configuration(kubeconfig=None, config_map_mutable=True, secret_mutable=True)
    for obj in ({"apiVersion": "v1", "kind": "ConfigMap"}, {"apiVersion": "v1", "kind": "Secret"}):
        assert not replacement.forces(obj, obj, mutable, ("data", "a"))
        frozen = {**obj, "immutable": True}
        assert replacement.forces(frozen, frozen, mutable, ("data", "a"))


def test_another_group_replaces_and_another_version_does_not() -> None:
    new, old = {"apiVersion": "e.io/v2", "kind": "W"}, {"apiVersion": "e.io/v1", "kind": "W"}
    assert not replacement.forces(new, old, Configuration(kubeconfig=None), ("apiVersion",))
    assert replacement.forces(new, {**old, "apiVersion": "f.io/v1"}, Configuration(kubeconfig=None), ("apiVersion",))


def test_the_servers_spelling_is_no_drift_and_a_change_is() -> None:
    inputs = {"cpu": "1000m", "list": [{"name": "a", "port": 80}], "write": "only"}
    before = {"cpu": "1", "list": [{"name": "a", "port": 80, "protocol": "TCP"}], "filled": "in"}
    assert objects.drifted(inputs, before, before) == inputs
    now = {"cpu": "2", "list": [{"name": "a", "port": 81, "protocol": "TCP"}]}
    assert objects.drifted(inputs, before, now) == {"cpu": "2", "list": [{"name": "a", "port": 81}], "write": "only"}
    gone = {"list": before["list"]}
    assert "cpu" not in objects.drifted(inputs, before, gone)


def test_a_secrets_texts_are_its_data_and_lie_over_what_stands_there() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "b2\nxk", "b": "dHdv"}}
    assert normalized(secret)["data"] == {"a": "b2xk", "b": "dHdv"}
    both = normalized({**secret, "stringData": {"a": "one"}})
    assert both == {**secret, "data": {"a": "b25l", "b": "dHdv"}}
    later = {**secret, "stringData": {"a": UNKNOWN}}
    assert normalized(later) == later


@pytest.mark.parametrize(("given", "kept"), [(False, False), (True, True)])
def test_a_definition_loses_what_the_server_drops(given: bool, kept: bool) -> None:
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "status": {}}
    found = normalized({**crd, "spec": {"group": "e.io", "preserveUnknownFields": given}})
    assert ("preserveUnknownFields" in found["spec"]) == kept
    assert "status" not in found


def test_a_state_of_before_is_read_in_the_new_spelling() -> None:
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "one"}}
    read = checkpoint.parse({**inputs, "__inputs": inputs})
    assert read.inputs["data"] == {"a": "b25l"}
    assert "stringData" not in read.inputs


def test_a_failed_rollout_is_told_in_the_official_words() -> None:
    short = workload("Deployment", condition("Available", "False"))
    assert shortfall(short) == ["Minimum number of live Pods was not attained"]
    stuck = {"conditions": [{"type": "Available", "status": "True"}, {"type": "Progressing", "reason": "Other"}]}
    assert "to consider the application live" in shortfall(workload("Deployment", stuck))[0]
    stuck["conditions"][1]["reason"] = "NewReplicaSetAvailable"
    assert "Attempted to roll forward" in shortfall(workload("Deployment", stuck))[0]
    assert shortfall(workload("DaemonSet", {})) == []


def test_client_side_fields_are_taken_over_and_others_left() -> None:
    theirs = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}}
    created = {"manager": "pulumi-kubernetes", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}}
    other = {"manager": "controller", "operation": "Update", "fieldsV1": {"f:status": {}}}
    live = {"metadata": {"managedFields": [theirs, created, other]}}
    fields = ownership.adopted(live, "mine")
    assert fields is not None
    assert fields[0] == other
    assert (fields[1]["manager"], fields[1]["operation"]) == ("mine", "Apply")
    assert fields[1]["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}}
    assert ownership.adopted({"metadata": {"managedFields": [other]}}, "mine") is None


def test_state_written_by_the_official_provider_is_read() -> None:
    written = {
        "__fieldManager": "pulumi-kubernetes-0a1b2c3d",
        "__initialApiVersion": "v1",
        "__inputs": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"a": "1"}},
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "data": {"a": "1"},
        "metadata": {"name": "cm", "namespace": "default", "uid": "u", "managedFields": [{"manager": "m"}]},
    }
    read = checkpoint.parse(written)
    assert read.inputs == written["__inputs"]
    assert (read.field_manager, read.initial_api_version) == ("pulumi-kubernetes-0a1b2c3d", "v1")
    assert objects.identity(read.live) == "default/cm"
    again = checkpoint.state(read.inputs, read.live, read.inputs, "v1", read.field_manager)
    assert again.keys() == written.keys()
    assert encode(again)


def test_installation_puts_plugins_where_the_engine_looks_and_can_be_repeated(tmp_path: Path) -> None:
    pulumi = tmp_path / "cache" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text("#!/bin/sh\n")
    programs, home = tmp_path / "bin", tmp_path / "home"
    for _ in range(2):
        engine = installation.install(pulumi, programs, home)
    assert engine.samefile(pulumi)
    assert (programs / "pulumi-language-python").resolve().is_file()
    assert (home / "plugins" / "resource-command-v1.2.1" / "pulumi-resource-command").resolve().is_file()
    newer = tmp_path / "newer"
    newer.write_text("#!/bin/sh\necho newer\n")
    assert installation.install(newer, programs, home).read_text() == newer.read_text()
    # the engine's own log of each run, which nothing else turns off
    assert (home / "logs").is_file()
    assert pulumi.read_text() == "#!/bin/sh\n"


def test_installed_versions_are_those_the_sdks_ask_for() -> None:
    assert installation.PROVIDERS.keys() == {"command", "kubernetes", "openstack", "upcloud"}
    for name in installation.PROVIDERS:
        sdk = find_spec(f"pulumi_{name}")
        assert sdk is not None
        asked = json.loads(Path(str(sdk.origin)).with_name("pulumi-plugin.json").read_text())
        assert installation.PROVIDERS[asked["name"]] == asked["version"]
