"""The command provider's operations: what the engine asks, told in commands.

Owns the life of a command resource as in pulumi-command 1.2.1: a changed input runs `update` (or `create`), a changed
trigger replaces, `delete` runs at the end, a refresh sees no drift. Leaves running to `local.py` and `remote.py`.
"""

# ruff: noqa: ARG002 - the signatures are the protocol's

from __future__ import annotations

import json
import secrets
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2

from ..differences import Path, differences, response
from ..protocol import provider_pb2
from ..provider import StandIn, fail
from ..values import UNKNOWN, Properties, decode, encode, has_secret, plain
from .inputs import KNOWN, REMOTE, checked
from .local import LocalRunner
from .output import CommandFailed, Output
from .remote import RemoteRunner

STREAMS = ("stdout", "stderr")
FRAMEWORK, FRAMEWORK_VERSION = "__pulumi-go-provider-version", "1.2.0"
"""What pulumi-go-provider notes in the state of each provider, and what v1.3.0 of it, under pulumi-command 1.2.1, calls
itself (its file .version)."""
SHOWN_COMMAND = 300
"""Characters of a failed command that an error message repeats; its output follows in full."""


class CommandProvider(StandIn):
    """command:local:Command and command:remote:Command."""

    name = "command"
    version = "1.2.1+fjordkube"

    def __init__(self) -> None:
        super().__init__()
        self._local, self._remote = LocalRunner(), RemoteRunner()

    def stop(self) -> None:
        self._local.stop()
        self._remote.stop()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=encode({**decode(request.news), FRAMEWORK: FRAMEWORK_VERSION}))

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        kind = _kind(request.urn)
        if kind not in KNOWN:
            fail(context, f"{kind} is not part of fjordkube's stand-in; use the official command plugin")
        inputs, problems = checked(kind, decode(request.news))
        failures = [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in problems]
        return provider_pb2.CheckResponse(inputs=encode(inputs), failures=failures)

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        old, new = plain(_declared(decode(request.old_inputs))), plain(_declared(decode(request.news)))
        return response(differences(old, new), _replaces, request.ignoreChanges)

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        inputs = decode(request.properties)
        identity = request.urn.rpartition("::")[2] + secrets.token_hex(4)
        if request.preview:
            return provider_pb2.CreateResponse(id=identity, properties=_unknown_state(inputs))
        streams = self._run(context, request.urn, inputs, "create", {})
        return provider_pb2.CreateResponse(id=identity, properties=encode({**inputs, **streams}))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        inputs = decode(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_unknown_state(inputs))
        which = "update" if inputs.get("update") is not None else "create"
        streams = self._run(context, request.urn, inputs, which, plain(decode(request.olds)))
        return provider_pb2.UpdateResponse(properties=encode({**inputs, **streams}))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        state = decode(request.properties)
        self._run(context, request.urn, state, "delete", plain(state))
        return empty_pb2.Empty()

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def _run(
        self, context: grpc.ServicerContext, urn: str, inputs: Properties, which: str, previous: Properties
    ) -> dict[str, str]:
        """Run the command of that input; its streams, or the previous ones if there is nothing to run."""
        values = plain(inputs)
        command = values.get(which)
        old = {stream: previous.get(stream) or "" for stream in STREAMS}
        if command is None:
            return old
        environment = {name: str(value) for name, value in (values.get("environment") or {}).items()}
        earlier = {f"PULUMI_COMMAND_{stream.upper()}": text for stream, text in old.items() if text}
        if values.get("addPreviousOutputInEnv") is False:
            earlier = {}
        output = Output(values.get("logging") or "stdoutAndStderr", lambda line: self.engine.status(urn, line))
        try:
            if _kind(urn) == REMOTE:
                self._remote.run(
                    values, command, environment, earlier, output, lambda line: self.engine.status(urn, line)
                )
            else:
                self._local.run(values, command, {**environment, **earlier}, output)
        except CommandFailed as error:
            fail(context, f"{error}: running {_shown(inputs[which], command)}:\n{output.both}")
        return output.state()


def _kind(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _declared(inputs: Properties) -> Properties:
    """Without the engine's own keys (version, and whatever starts with two underscores)."""
    return {key: value for key, value in inputs.items() if key != "version" and not key.startswith("__")}


def _replaces(path: Path) -> bool:
    """Only triggers replace, with or without `update` (as the official provider and SDK do: pulumi-command#855)."""
    return path[0] == "triggers"


def _unknown_state(inputs: Properties) -> struct_pb2.Struct:
    return encode({**inputs, **dict.fromkeys(STREAMS, UNKNOWN)})


def _shown(declared: Any, command: str) -> str:
    if has_secret(declared):
        return "the command (secret)"
    short = command if len(command) <= SHOWN_COMMAND else command[:SHOWN_COMMAND] + "..."
    return json.dumps(short)
