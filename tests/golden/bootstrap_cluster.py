"""One control plane and two workers, as the golden tests of hosts and bootstrap see them."""

from __future__ import annotations

from typing import Any

import pulumi

from fjordkube.node import Node, Role
from fjordkube.remote import connection, script
from fjordkube.settings import Stack, load

SANDBOX = "fjordkube.local/kubernetes/pause:3.10.2"
REPOSITORY = "fjordkube.local/kubernetes"


def stack(**changes: Any) -> Stack:
    """Settings of a stack file that holds only `changes`."""
    return load({"nodes": {"source": "local"}, **changes})


def node(name: str, role: Role, last: int) -> Node:
    return Node(
        name=name,
        role=role,
        address=f"192.168.77.{last}",
        prefix_length=24,
        interface="eth1",
        public_address="127.0.0.1",
        ports={"ssh": 2200 + last, "api": 16443},
        connection=connection("127.0.0.1", 2200 + last, "PRIVATE", "ssh-ed25519 AAAA"),
        up=pulumi.Output.from_input(f"{name} runs"),
        etcd_device="LABEL=etcd" if role == "control-plane" else None,
    )


def nodes() -> list[Node]:
    return [node("cp1", "control-plane", 11), node("w1", "worker", 101), node("w2", "worker", 102)]


def without_scripts(text: str, *names: str) -> str:
    """`text` with script bodies as one line each: golden files hold what settings decide, tests/scripts the rest."""
    for name in ("lib", *names):
        body = script(name).rstrip("\n")
        assert body in text
        text = text.replace(body, f"# ... {name}.sh")
    return text
