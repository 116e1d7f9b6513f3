"""A mock engine that remembers what was registered: names, types, inputs, dependencies, registered outputs.

Pulumi's own mocks hand over name, type and inputs only; order, secrecy and parentage are read from the request here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from pulumi.runtime import mocks, rpc

from fjordkube.node import Node

_test = cast(Any, pulumi.runtime.test)
_deserialize = cast(Any, rpc.deserialize_properties)

SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
"""Mark of a secret value on the wire (pulumi's property value protocol)."""
_KIND = "4dabf18193072939515e22adb298388d"

HOST_KEY_SEED = "a seed that is used by tests alone, 43 letters"


@dataclass
class Registered:
    """One resource as the engine saw it."""

    name: str
    type: str
    inputs: dict[str, Any]
    secret_inputs: list[str]
    """Inputs that were marked secret as a whole."""
    provider: str
    depends_on: list[str]
    """Names of the resources it waits for."""
    parent: str
    version: str
    secret_outputs: list[str]
    deleted_with: str
    delete_before_replace: bool
    protect: bool = False
    ignore_changes: list[str] = field(default_factory=list)
    replacement_trigger: str = ""
    """What makes it anew when it changes, where the program says so."""
    outputs: dict[str, Any] | None = None
    """What a component registered as its outputs."""

    @property
    def in_the_clear(self) -> str:
        """All that the state would have unencrypted."""
        return str({key: value for key, value in self.inputs.items() if key not in self.secret_inputs}) + str(
            self.outputs
        )


class _Answers(pulumi.runtime.Mocks):
    def __init__(self, outputs: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]) -> None:
        self.outputs = outputs

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        more = _kept(args) or (self.outputs[args.typ](args.inputs) if args.typ in self.outputs else {})
        return f"{args.name}-id", {**args.inputs, **more}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


def _kept(args: mocks.MockResourceArgs) -> dict[str, Any]:
    """What a living stack's state has in a preview, too: keys and seed (nodes/login_key.py), and stashes."""
    if args.typ == "pulumi:index:Stash":
        return {"output": args.inputs["input"]}
    if args.name.endswith("-host-key-seed"):
        return {"stdout": HOST_KEY_SEED}
    return {"stdout": args.inputs["stdin"]} if args.inputs.get("create") == "cat" else {}


@dataclass
class Recording:
    """Every registration by name."""

    seen: dict[str, Registered] = field(default_factory=dict)

    def of_type(self, token: str) -> list[Registered]:
        """Everything registered with that type token."""
        return [found for found in self.seen.values() if found.type == token]


class _Monitor(mocks.MockMonitor):
    def __init__(self, answers: _Answers, recording: Recording) -> None:
        cast(Any, super()).__init__(answers)
        self.recording = recording

    def RegisterResource(self, request: Any) -> Any:
        self.recording.seen[request.name] = Registered(
            name=request.name,
            type=request.type,
            inputs=_deserialize(request.object),
            secret_inputs=[key for key, value in request.object.fields.items() if _is_secret(value)],
            provider=_last(request.provider),
            depends_on=[_last(urn) for urn in request.dependencies],
            parent=_last(request.parent),
            version=request.version,
            secret_outputs=list(request.additionalSecretOutputs),
            deleted_with=_last(request.deletedWith),
            delete_before_replace=request.deleteBeforeReplace,
            protect=request.protect,
            ignore_changes=list(request.ignoreChanges),
            replacement_trigger=request.replacement_trigger.string_value,
        )
        return cast(Any, super()).RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        name = _last(request.urn)
        if name in self.recording.seen:
            self.recording.seen[name].outputs = _deserialize(request.outputs)
        return cast(Any, super()).RegisterResourceOutputs(request)


def record(preview: bool, outputs: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] | None = None) -> Recording:
    """Installs a fresh mock engine in the mode asked for; `outputs` adds outputs by type token at `up`."""
    recording = Recording()
    answers = _Answers({} if preview else outputs or {})
    monitor = _Monitor(answers, recording)
    pulumi.runtime.set_mocks(answers, project="fjordkube", stack="test", preview=preview, monitor=monitor)
    return recording


def run(program: Callable[[], None]) -> None:
    """Runs a program to its end, everything awaited: without that a failing assert inside `apply` would pass."""
    _test(program)()


def pinned(nodes: Sequence[Node], found: dict[str, Any]) -> pulumi.Output[Any]:
    """Puts each node's pinned host key into `found`."""
    keys = {node.name: pulumi.Output.from_input(node.connection.host_key) for node in nodes}
    return pulumi.Output.all(**keys).apply(found.update)


def _last(urn: str) -> str:
    return urn.rpartition("::")[2]


def _is_secret(value: Any) -> bool:
    # `in` first: indexing a protobuf map adds the key to the request.
    fields = value.struct_value.fields
    return _KIND in fields and fields[_KIND].string_value == SECRET_SIGNATURE
