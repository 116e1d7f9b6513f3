"""The engine as a plugin sees it: a place to send log lines.

Owns severity and the best effort: a line that cannot be delivered never fails an operation. Leaves everything the
engine displays to the engine.
"""

from __future__ import annotations

import contextlib

import grpc

from .protocol import engine_pb2, engine_pb2_grpc

DEBUG, INFO, WARNING, ERROR = (
    engine_pb2.LogSeverity.DEBUG,
    engine_pb2.LogSeverity.INFO,
    engine_pb2.LogSeverity.WARNING,
    engine_pb2.LogSeverity.ERROR,
)
TIMEOUT = 10
"""Seconds for one line: the engine is on the same machine, but may be busy."""


class Engine:
    """Where log lines go; without an address they go nowhere."""

    def __init__(self, address: str = "") -> None:
        self._stub: engine_pb2_grpc.EngineStub | None = None
        self.attach(address)

    def attach(self, address: str) -> None:
        """Use the engine at host:port from now on."""
        if address:
            self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def log(self, urn: str, text: str, severity: engine_pb2.LogSeverity.ValueType = INFO) -> None:
        """A line that stays in the output, under its resource."""
        self._send(urn, text, severity, ephemeral=False)

    def status(self, urn: str, text: str) -> None:
        """A line that a terminal shows beside the resource until the next one; nothing stays."""
        self._send(urn, text, INFO, ephemeral=True)

    def _send(self, urn: str, text: str, severity: engine_pb2.LogSeverity.ValueType, *, ephemeral: bool) -> None:
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral)
        with contextlib.suppress(grpc.RpcError, ValueError):
            self._stub.Log(request, timeout=TIMEOUT)
