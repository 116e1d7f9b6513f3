"""What all provider stand-ins answer alike: handshake, configuration, cancellation, and what they do not do.

Owns the uninteresting half of Pulumi's provider protocol. Leaves every resource operation to the providers.
"""

# ruff: noqa: ARG002 - the signatures are the protocol's

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2

from .engine import DEBUG, Engine
from .protocol import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2


class InitFailed(Exception):
    """An object exists but did not become ready: its state is kept, and the next update tries again."""

    def __init__(self, identity: str, state: struct_pb2.Struct, reasons: Iterable[str]) -> None:
        super().__init__("; ".join(reasons))
        self.detail = provider_pb2.ErrorResourceInitFailed(id=identity, properties=state, reasons=list(reasons))


def fail(context: grpc.ServicerContext, message: str) -> NoReturn:
    """End the call with the message; the engine shows it under the resource."""
    context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort returned")


def fail_initialized(context: grpc.ServicerContext, message: str, error: InitFailed) -> NoReturn:
    """End the call with the message and the object's state (gRPC's rich error model)."""
    detail = any_pb2.Any()
    detail.Pack(error.detail)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    fail(context, message)


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """A provider without configuration, invokes, calls and components."""

    name = ""
    version = ""
    """The official provider's version whose behaviour it has; a +fjordkube suffix names the stand-in."""

    def __init__(self) -> None:
        self.engine = Engine()

    def stop(self) -> None:
        """End whatever the provider started or waits for."""
        raise NotImplementedError

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        self.engine.attach(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=False, supports_autonaming_configuration=True
        )

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self.engine.attach(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self.version)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        about = f"fjordkube's stand-in for Pulumi's {self.name} provider; it has no schema of its own"
        schema: dict[str, Any] = {"name": self.name, "version": self.version, "description": about}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        self.engine.log("", f"the {self.name} provider is fjordkube's stand-in {self.version}", DEBUG)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=True,
            acceptOutputs=False,
            supports_autonaming_configuration=True,
        )

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        fail(context, f"{request.tok} is not part of fjordkube's stand-in; use the official {self.name} plugin")

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self.stop()
        return empty_pb2.Empty()
