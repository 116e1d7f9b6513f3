"""The life of Kubernetes objects: preview, create, update, replace, refresh, delete, conflicts, custom kinds."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from tests.conformance.api_server import ApiServer
from tests.conformance.engine import Stack
from tests.conformance.objects_program import MUTABLE, definition, program
from tests.unit.ssh_server import free_port

NewStack = Callable[[str], Stack]


def config_map(namespace: str, name: str = "settings", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def connected(stack: Stack, api: ApiServer) -> Stack:
    stack.configure("kubeconfig", json.dumps(api.kubeconfig), secret=True)
    return stack


def test_preview_from_empty_needs_no_cluster(new_stack: NewStack) -> None:
    widget = {"apiVersion": "e.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
    objects = {"cm": config_map("default", a="1"), "w": widget}
    later = program(
        objects,
        kubeconfig="local.Command('c', create='cat kubeconfig').stdout",
        provider={"cluster_identifier": "one"},
    )
    stack = new_stack(later)
    started = time.monotonic()
    assert stack.preview().changes() == {
        "c": ["create"],
        "k": ["create"],
        "cm": ["create"],
        "w": ["create"],
    }
    assert time.monotonic() - started < 20
    # A cluster that is named but gone is no obstacle either.
    dead: dict[str, Any] = {"clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{free_port()}"}}]}
    dead |= {"contexts": [{"name": "c", "context": {"cluster": "c"}}], "current-context": "c", "apiVersion": "v1"}
    dead |= {"kind": "Config"}
    stack.program(program(objects))
    stack.configure("kubeconfig", json.dumps(dead), secret=True)
    assert stack.preview().changes()["cm"] == ["create"]


def test_create_update_replace_delete(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    stack = connected(new_stack(program({"cm": config_map(namespace, a="1", b="2")}, provider=MUTABLE)), api)
    assert stack.preview().changes()["cm"] == ["create"]
    assert api.get(f"{path}/settings") is None
    stack.up()
    created = api.get(f"{path}/settings")
    assert created is not None
    assert created["data"] == {"a": "1", "b": "2"}
    assert stack.up().changes() == {}

    stack.program(program({"cm": config_map(namespace, a="changed", c="3")}, provider=MUTABLE))
    previewed = stack.preview()
    assert previewed.diff("cm") == {"data.a": "update", "data.b": "delete", "data.c": "add"}
    updated = stack.up()
    assert updated.changes() == {"cm": ["update"]}
    found = api.get(f"{path}/settings")
    assert found is not None
    assert found["data"] == {"a": "changed", "c": "3"}
    assert found["metadata"]["uid"] == created["metadata"]["uid"]

    stack.program(program({"cm": config_map(namespace, "renamed", a="changed", c="3")}, provider=MUTABLE))
    replaced = stack.up()
    assert "replace" in replaced.ops("cm")
    assert replaced.diff("cm") == {"metadata.name": "update-replace"}
    assert api.get(f"{path}/settings") is None
    assert api.get(f"{path}/renamed") is not None

    assert "delete" in stack.destroy().ops("cm")
    assert api.get(f"{path}/renamed") is None


def test_immutable_data_replaces_in_place(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    stack = connected(new_stack(program({"cm": config_map(namespace, a="1")})), api)
    stack.up()
    before = api.get(f"/api/v1/namespaces/{namespace}/configmaps/settings")
    stack.program(program({"cm": config_map(namespace, a="2")}))
    result = stack.up()
    # The same name leaves only one order: the old one goes first.
    assert result.ops("cm").index("delete-replaced") < result.ops("cm").index("create-replacement")
    after = api.get(f"/api/v1/namespaces/{namespace}/configmaps/settings")
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def test_a_name_is_made_and_kept(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    unnamed = config_map(namespace, a="1")
    del unnamed["metadata"]["name"]
    stack = connected(new_stack(program({"cm": unnamed}, provider=MUTABLE)), api)
    stack.up()
    name = stack.resources()["cm"]["outputs"]["metadata"]["name"]
    assert name.startswith("cm-")
    unnamed["data"] = {"a": "2"}
    stack.program(program({"cm": unnamed}, provider=MUTABLE))
    assert stack.up().changes() == {"cm": ["update"]}
    assert api.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}") is not None


def test_secrets_stay_secret(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    encoded = base64.b64encode(b"hunter2").decode()
    kind = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": namespace}}
    lines = [
        'word = pulumi.Config().require_secret("word")',
    ]
    text = program({"plain": {**kind, "stringData": {"k": "hunter2"}}}, provider=MUTABLE, lines=lines)
    text += f"""
k8s.core.v1.ConfigMap(
    "marked", metadata={{"name": "marked", "namespace": "{namespace}"}}, data={{"open": "seen", "shut": word}},
    opts=pulumi.ResourceOptions(provider=provider),
)
"""
    stack = connected(new_stack(text), api)
    stack.configure("word", "swordfish", secret=True)
    result = stack.up()
    stored = api.get(f"/api/v1/namespaces/{namespace}/secrets/s")
    marked = api.get(f"/api/v1/namespaces/{namespace}/configmaps/marked")
    assert stored is not None
    assert marked is not None
    assert stored["data"] == {"k": encoded}
    assert marked["data"] == {"open": "seen", "shut": "swordfish"}
    refreshed = stack.refresh()
    for text in (stack.state().split('"inputs"', 1)[1] if False else "", result.output, refreshed.output):
        assert "swordfish" not in text
        assert encoded not in text
    # The program's own text is no state; everything stored of the objects is encrypted.
    for word in ("swordfish", encoded, "hunter2"):
        assert word not in stack.state()
    assert '"seen"' in stack.state()


def test_refresh_reports_drift_and_what_is_gone(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps/settings"
    stack = connected(new_stack(program({"cm": config_map(namespace, a="1", b="2")}, provider=MUTABLE)), api)
    stack.up()
    assert stack.refresh().drift("cm") == {}
    api.request("PATCH", path, {"data": {"a": "theirs", "extra": "x"}}, "application/merge-patch+json")
    assert stack.refresh().drift("cm") == {"data.a": "update"}
    fixed = stack.preview()
    assert fixed.diff("cm") == {"data.a": "update"}
    # Only their field is in conflict, and it is theirs: the message says so and how to go on.
    conflict = stack.up(fails=True)
    assert "conflict" in conflict.output
    api.request("DELETE", path)
    stack.refresh()
    assert "cm" not in stack.resources()
    assert stack.up().changes() == {"cm": ["create"]}


def test_a_conflict_names_the_other_manager_and_can_be_forced(
    new_stack: NewStack, api: ApiServer, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps/settings"
    stack = connected(new_stack(program({"cm": config_map(namespace, a="1", b="1")}, provider=MUTABLE)), api)
    stack.up()
    api.apply(path, config_map(namespace, a="theirs"), "other-manager")
    wanted = config_map(namespace, a="2", b="2")
    stack.program(program({"cm": wanted}, provider=MUTABLE))
    failed = stack.up(fails=True)
    assert "other-manager" in failed.output
    assert ".data.a" in failed.output
    found = api.get(path)
    assert found is not None
    assert found["data"] == {"a": "theirs", "b": "1"}
    wanted["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    stack.program(program({"cm": wanted}, provider=MUTABLE))
    stack.up()
    found = api.get(path)
    assert found is not None
    assert found["data"] == {"a": "2", "b": "2"}


def test_an_existing_object_is_refused_or_taken_over(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    api.request("POST", path, config_map(namespace, a="theirs"))
    stack = connected(new_stack(program({"cm": config_map(namespace, a="ours")})), api)
    assert "already" in stack.up(fails=True).output
    forced = config_map(namespace, a="ours")
    forced["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    stack.program(program({"cm": forced}, provider={"upsert_existing_objects": True}))
    stack.up()
    found = api.get(f"{path}/settings")
    assert found is not None
    assert found["data"] == {"a": "ours"}


def test_a_definition_and_its_object_come_in_one_run(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    group = f"{namespace}.example.com"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    widgets = definition(group, schema)
    widget = {
        "apiVersion": f"{group}/v1",
        "kind": "Widget",
        "metadata": {
            "name": "w",
            "annotations": {"pulumi.com/deletionPropagationPolicy": "background"},
        },
        "spec": {"size": 1},
    }
    stack = connected(new_stack(program({"crd": widgets, "w": widget}, after={"w": "crd"})), api)
    assert stack.preview().changes()["w"] == ["create"]
    stack.up()
    assert api.get(f"/apis/{group}/v1/widgets/w") is not None
    assert stack.up().changes() == {}
    widget["spec"] = {"size": 2}
    widgets["metadata"] = {"name": f"widgets.{group}", "labels": {"touched": "yes"}}
    stack.program(program({"crd": widgets, "w": widget}, after={"w": "crd"}))
    assert stack.up().changes() == {"crd": ["update"], "w": ["update"]}
    found = api.get(f"/apis/{group}/v1/widgets/w")
    assert found is not None
    assert found["spec"] == {"size": 2}
    stack.destroy()
    assert api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}") is None


def test_a_typed_resource_of_a_namespace_and_its_content(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    name = f"{namespace}-own"
    stack = connected(
        new_stack(
            program({})
            + f"""
space = k8s.core.v1.Namespace("space", metadata={{"name": "{name}"}}, opts=pulumi.ResourceOptions(provider=provider))
k8s.apps.v1.DaemonSet(
    "agent",
    metadata={{"name": "agent", "namespace": space.metadata.name, "annotations": {{"pulumi.com/skipAwait": "true"}}}},
    spec={{
        "selector": {{"match_labels": {{"app": "a"}}}},
        "template": {{
            "metadata": {{"labels": {{"app": "a"}}}},
            "spec": {{"containers": [{{"name": "a", "image": "a:1", "ports": [{{"container_port": 80}}]}}]}},
        }},
    }},
    opts=pulumi.ResourceOptions(provider=provider),
)
"""
        ),
        api,
    )
    stack.up()
    found = api.get(f"/apis/apps/v1/namespaces/{name}/daemonsets/agent")
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] == 80
    # What the server filled in (protocol, pull policy, strategy) is no drift.
    assert stack.refresh().drift("agent") == {}
    assert stack.up().changes() == {}
    stack.destroy()
    assert api.get(f"/api/v1/namespaces/{name}") is None
