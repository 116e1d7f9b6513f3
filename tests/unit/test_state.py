"""The state's file of the checkout's own backend: found, read without secrets, and never trusted to be whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import state
from commands.engine import Engine

SECRET = {state.SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    folder = tmp_path / "state" / ".pulumi" / "stacks" / "fjordkube"
    folder.mkdir(parents=True)
    return folder / "local.json"


def write(place: Path, outputs: dict[str, Any]) -> None:
    stack = {"urn": "urn:pulumi:local::fjordkube::pulumi:pulumi:Stack::x", "type": "pulumi:pulumi:Stack"}
    other = {"urn": "urn:other", "type": "kubernetes:core/v1:Secret", "outputs": {"url": "not this one"}}
    place.write_text(json.dumps({"checkpoint": {"latest": {"resources": [other, {**stack, "outputs": outputs}]}}}))


def test_outputs_are_read_without_what_is_secret(place: Path) -> None:
    write(place, {"url": "http://127.0.0.1:8080/", "kubeconfig": SECRET, "gates": {"bgp": {"a": 1}, "x": [SECRET, 2]}})
    assert state.outputs("local") == {
        "url": "http://127.0.0.1:8080/",
        "kubeconfig": "[secret]",
        "gates": {"bgp": {"a": 1}, "x": ["[secret]", 2]},
    }


@pytest.mark.parametrize("text", ["", "[]", '{"checkpoint": {}}', '{"checkpoint": {"latest": {"resources": [1]}}}'])
def test_a_file_that_does_not_tell_is_left_to_the_engine(place: Path, text: str) -> None:
    place.write_text(text)
    assert state.outputs("local") is None


def test_a_stack_without_resources_has_no_outputs(place: Path) -> None:
    place.write_text('{"checkpoint": {"latest": null}}')
    assert state.outputs("local") == {}
    assert state.find("local") == place
    assert state.find("other") is None


def test_another_backends_state_is_not_looked_for_here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place, {"url": "old"})
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://fjord-state")
    assert state.find("local") is None
    assert state.outputs("local") is None


def test_state_tells_on_which_computers_its_machines_are(place: Path) -> None:
    write(place, {})
    assert state.computers(state.resources("local") or []) == set()
    machine = {"type": "command:local:Command", "inputs": {"environment": {"MACHINE_COMPUTER": "abc"}}}
    other = {"type": "command:local:Command", "inputs": {"environment": SECRET, "triggers": ["computer def"]}}
    assert state.computers([machine, other, {"type": "x:y:Z"}]) == {"abc"}


def test_a_stack_that_is_here_costs_no_call_of_the_engine(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place, {"url": "u"})

    def called(*_: Any, **__: Any) -> Any:
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(Engine, "call", called)
    engine = Engine("local", place)
    assert engine.exists()
    assert engine.outputs() == {"url": "u"}
    with pytest.raises(AssertionError):
        engine.outputs(secrets_shown=True)
    with pytest.raises(AssertionError):
        Engine("other", place).exists()
