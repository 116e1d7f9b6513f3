"""The process of a preview-only stand-in: `launch.py preview_provider NAME [engine address]`."""

from __future__ import annotations

import sys

import grpc

from ..protocol import provider_pb2_grpc
from ..server import serve
from .pretence import from_environment
from .provider import PreviewProvider


def main() -> None:
    """Serve until the engine is done."""
    name = sys.argv.pop(1)
    provider = PreviewProvider(name, from_environment())
    title = f"pulumi-resource-{name}: fjordkube's stand-in for Pulumi's {name} provider: it only previews"

    def register(server: grpc.Server, engine: str) -> None:
        provider.engine.attach(engine)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)

    serve(title, register, provider.stop)
