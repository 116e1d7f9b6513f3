"""Runs a small Pulumi program against mocks and tells what it registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc

KUBECONFIG = "clusters:\n- cluster:\n    server: https://api.fjord.internal:6443\n"


class Recorder(pulumi.runtime.Mocks):
    """Answers every registration and notes its inputs; stdout is a kubeconfig."""

    def __init__(self) -> None:
        self.inputs: list[tuple[str, dict[str, Any]]] = []
        self.names: list[str] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.inputs.append((args.typ, args.inputs))
        self.names.append(args.name)
        return f"{args.name}-id", {**args.inputs, "stdout": KUBECONFIG}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Inputs of all resources of that type, in order of registration."""
        return [inputs for typ, inputs in self.inputs if typ == kind]


def opened(secret: Any) -> dict[str, Any]:
    """The map inside a secret; fails when it is not one."""
    assert secret[rpc._special_sig_key] == rpc._special_secret_sig
    value: dict[str, Any] = secret["value"]
    return value


def with_mocks(program: Callable[[], Any], preview: bool) -> Recorder:
    """What `program` registered; an error in it, or in any `apply`, is raised here."""
    recorder = Recorder()
    mocks.set_mocks(recorder, preview=preview)
    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    return recorder
