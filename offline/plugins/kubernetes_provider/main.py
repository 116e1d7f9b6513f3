"""The process of the kubernetes provider stand-in."""

from __future__ import annotations

import grpc

from ..protocol import provider_pb2_grpc
from ..server import serve
from .provider import KubernetesProvider

TITLE = "pulumi-resource-kubernetes: fjordkube's stand-in for Pulumi's kubernetes provider (see docs/adr/0004)"


def main() -> None:
    """Serve until the engine is done."""
    provider = KubernetesProvider()

    def register(server: grpc.Server, engine: str) -> None:
        provider.engine.attach(engine)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)

    serve(TITLE, register, provider.stop)
