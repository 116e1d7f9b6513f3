"""The process of the language host stand-in."""

from __future__ import annotations

import grpc

from ..protocol import language_pb2_grpc
from ..server import serve
from .host import LanguageHost

TITLE = "pulumi-language-python: fjordkube's stand-in for Pulumi's Python language host (see docs/adr/0004)"


def main() -> None:
    """Serve until the engine is done."""
    host = LanguageHost()

    def register(server: grpc.Server, engine: str) -> None:
        host.engine = engine
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)

    serve(TITLE, register, host.stop)
