"""What the state holds of each resource: the same whichever plugins wrote it, so that either goes on from it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.api_server import ApiServer
from tests.conformance.engine import Stack
from tests.conformance.objects_program import MUTABLE, definition, program
from tests.conformance.test_objects import config_map, connected

NewStack = Callable[[str], Stack]


def stored(stack: Stack, name: str) -> dict[str, Any]:
    """A resource of the state, its secrets shown: each is {signature: ..., plaintext: JSON}."""
    shown = json.loads(stack.command("stack", "export", "--show-secrets"))
    return next(entry for entry in shown["deployment"]["resources"] if entry["urn"].endswith(f"::{name}"))


@pytest.mark.parametrize("given", [{"stringData": {"k": "hunter2"}}, {"data": {"k": "aHVudGVyMg=="}}])
def test_a_secret_is_stored_as_data_however_it_was_written(
    new_stack: NewStack, api: ApiServer, namespace: str, given: dict[str, Any]
) -> None:
    kind = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": namespace}}
    stack = connected(new_stack(program({"s": {**kind, **given}}, provider=MUTABLE)), api)
    stack.up()
    found = stored(stack, "s")
    for place in (found["inputs"], found["outputs"], found["outputs"]["__inputs"]):
        assert "stringData" not in place
        assert json.loads(place["data"]["plaintext"]) == {"k": base64.b64encode(b"hunter2").decode()}
    # Written the other way, it is the same Secret.
    stack.program(program({"s": {**kind, "stringData": {"k": "hunter2"}}}, provider=MUTABLE))
    assert stack.up().changes() == {}
    assert stack.refresh().drift("s") == {}


def test_a_definition_is_stored_as_the_server_keeps_it(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    group = f"{namespace}.example.com"
    said = program({"crd": definition(group, preserveUnknownFields=False)})
    stack = connected(new_stack(said), api)
    stack.up()
    found = stored(stack, "crd")
    for place in (found["inputs"], found["outputs"]["__inputs"]):
        assert "preserveUnknownFields" not in place["spec"]
    stack.program(program({"crd": definition(group)}))
    assert stack.up().changes() == {}
    stack.program(said)
    assert stack.up().changes() == {}


def test_schema_keys_have_the_apis_dashes_in_inputs_and_the_sdks_underscores_in_outputs(
    new_stack: NewStack, api: ApiServer, namespace: str
) -> None:
    stack = connected(new_stack(program({"crd": definition(f"{namespace}.example.com")})), api)
    stack.up()
    found = stored(stack, "crd")

    def keys(place: dict[str, Any]) -> list[str]:
        schema = place["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        return [key for key in schema if key.startswith("x")]

    assert keys(found["inputs"]) == ["x-kubernetes-preserve-unknown-fields"]
    assert keys(found["outputs"]) == keys(found["outputs"]["__inputs"]) == ["x_kubernetes_preserve_unknown_fields"]


def test_who_owns_which_field_is_stored(new_stack: NewStack, api: ApiServer, namespace: str) -> None:
    stack = connected(new_stack(program({"cm": config_map(namespace, a="1")}, provider=MUTABLE)), api)
    stack.up()
    (entry,) = stored(stack, "cm")["outputs"]["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("pulumi-kubernetes", "Update")
    assert "managedFields" not in stored(stack, "cm")["outputs"]["__inputs"]["metadata"]


def test_the_command_provider_notes_its_framework(new_stack: NewStack) -> None:
    stack = new_stack('from pulumi_command import local\nlocal.Command("c", create="echo made")\n')
    stack.up()
    (provider,) = [entry for name, entry in stack.resources().items() if name.startswith("default_")]
    assert provider["inputs"]["__pulumi-go-provider-version"] == "1.2.0"
    assert stack.up().changes() == {}
