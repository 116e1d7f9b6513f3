"""A provider without a cloud: the real engine and a real SDK can preview with it, and nothing can be created.

Owns what can be said of any resource without its schema: a preview knows its inputs and no output, and a change is a
change of inputs. Whether a change replaces is the official provider's knowledge; here everything is an update, and a
line says so. Leaves canned outputs, which only benches and tests ask for, to `pretence.py`.
"""

# ruff: noqa: ARG002 - the signatures are the protocol's

from __future__ import annotations

import secrets
import threading

import grpc
from google.protobuf import empty_pb2, struct_pb2

from ..command_provider.inputs import checked
from ..differences import differences, response
from ..engine import INFO, WARNING
from ..installation import PROVIDERS
from ..kubernetes_provider import checkpoint
from ..protocol import engine_pb2, provider_pb2
from ..provider import StandIn, fail
from ..values import Properties, decode, encode, plain
from .pretence import VARIABLE, Pretence


class PreviewProvider(StandIn):
    """Any package's resources, as far as a preview goes."""

    def __init__(self, name: str, pretence: Pretence | None = None) -> None:
        """`name` is the package, e.g. upcloud; `pretence`: see pretence.py."""
        super().__init__()
        self.name, self.version = name, f"{PROVIDERS.get(name, '0.0.0')}+fjordkube"
        self._pretence = pretence
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Nothing runs here that could be ended."""

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        self._pretending("")
        return super().Configure(request, context)

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        inputs = self.pretended_inputs(request) if self._pretence is not None else None
        return provider_pb2.CheckResponse(inputs=request.news if inputs is None else encode(inputs))

    def pretended_inputs(self, request: provider_pb2.CheckRequest) -> Properties | None:
        """Inputs as the provider in whose place this one stands would keep them, marks of secrets among them.

        None where the knowledge is not here. What goes on from a pretended state would else see differences.
        """
        news = decode(request.news)
        if self.name == "command":
            return checked(request.urn.split("::")[2].rpartition("$")[2], news)[0]
        return checkpoint.checked(checkpoint.from_inputs(news), news) if self.name == "kubernetes" else None

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        old, new = plain(_declared(decode(request.old_inputs))), plain(_declared(decode(request.news)))
        found = response(differences(old, new), lambda _: False, request.ignoreChanges)
        if found.detailedDiff:
            self._once(
                request.urn,
                f"the stand-in for {self.name} has no schema: which changes replace a resource is not known, "
                "so all are shown as updates",
                INFO,
            )
        return found

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        if request.preview:
            # What is missing here, the SDK takes for an output that is not known yet.
            return provider_pb2.CreateResponse(properties=request.properties)
        made = self._made(request.urn, context)
        name = request.urn.rpartition("::")[2]
        identity = str(made.pop("id", "")) or f"{name}-{secrets.token_hex(4)}"
        return provider_pb2.CreateResponse(id=identity, properties=encode({**decode(request.properties), **made}))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        if not request.preview:
            made = self._made(request.urn, context)
            made.pop("id", None)
            return provider_pb2.UpdateResponse(properties=encode({**decode(request.news), **made}))
        return provider_pb2.UpdateResponse(properties=_kept(request))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self._made(request.urn, context)
        return empty_pb2.Empty()

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        self._made(request.urn, context)
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        fail(context, f"{request.tok}: {_refusal(self.name)}; it asks nobody either")

    def _made(self, urn: str, context: grpc.ServicerContext) -> Properties:
        """The canned outputs of a resource that is only said to exist; fails where nobody asked for pretending."""
        if self._pretence is None:
            fail(context, _refusal(self.name))
        self._pretending(urn)
        kind, name = urn.split("::")[2:4]
        return self._pretence.outputs(kind.rpartition("$")[2], name)

    def _pretending(self, urn: str) -> None:
        if self._pretence is not None:
            self._once(
                urn, f"{VARIABLE} is set: NOTHING of {self.name} IS REAL, nothing is created or deleted", WARNING
            )

    def _once(self, urn: str, text: str, severity: engine_pb2.LogSeverity.ValueType) -> None:
        """A line once for a process; a stack has hundreds of resources."""
        with self._lock:
            if text in self._said:
                return
            self._said.add(text)
        self.engine.log(urn, text, severity)


def _refusal(name: str) -> str:
    return f"fjordkube's stand-in for {name} only previews; install Pulumi with its plugins to create anything"


def _declared(inputs: Properties) -> Properties:
    """Without the engine's own keys."""
    return {key: value for key, value in inputs.items() if key != "version" and not key.startswith("__")}


def _kept(request: provider_pb2.UpdateRequest) -> struct_pb2.Struct:
    """New inputs; where an input is as it was, what the resource made of it, and its outputs beside the inputs."""
    before, now, old = decode(request.old_inputs), decode(request.news), decode(request.olds)
    kept = {key: value for key, value in old.items() if key not in before or plain(now.get(key)) == plain(before[key])}
    return encode({**now, **kept})
