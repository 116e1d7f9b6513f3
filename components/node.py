"""A node is a node: what every source hands to the rest of the program, wherever the machine came from.

Owns the one shape, and how a helper is told to enter one. Leaves making, starting and deleting machines to
`components/nodes/`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any, Final

import pulumi
from pulumi_command import remote

from fjordkube.helpers.ssh import with_keys_apart
from fjordkube.settings.nodes.node import Role

BESIDE_HOST: Final = (
    "agent_socket_path",
    "dial_error_limit",
    "host_key",
    "password",
    "per_dial_timeout",
    "port",
    "private_key",
    "private_key_password",
    "proxy",
    "user",
)
"""Fields of a connection that are taken over as they are."""


@dataclass(frozen=True)
class Node:
    """One machine that is, or will be, a Kubernetes node."""

    name: str
    """Stable name, also its Kubernetes node name, e.g. w1."""
    role: Role
    address: str
    """Private IPv4 address, e.g. 192.168.77.11; known at preview."""
    prefix_length: int
    """Length of the private network's prefix, e.g. 24 (a /32 breaks Calico's subnet detection, calico#2375)."""
    interface: str
    """NIC on the private network, e.g. eth1."""
    public_address: pulumi.Input[str]
    """Where clients outside reach it, e.g. 127.0.0.1 for a local machine."""
    ports: pulumi.Input[Mapping[str, int]]
    """Ports at `public_address` by use: ssh, http, https, and api on control planes."""
    connection: remote.ConnectionArgs
    """SSH with the host key pinned."""
    up: pulumi.Output[str]
    """Identity of the running machine; resolves when SSH answers, changes when it was started anew."""
    identity: str = ""
    """Changes when the machine is made anew (not: restarted); known at preview. Empty: it never is."""
    machine: pulumi.Resource | None = None
    """Whose deletion is the machine's own: what lives in it then needs none. None: the machine is not this stack's."""
    zone: pulumi.Input[str] = ""
    """Where it stands, as its source *returned* it (not: as it was asked for), e.g. no-svg1; empty: nobody says."""
    provider: str = ""
    """Whose zones these are, e.g. upcloud; without a table in providers/, they are codes of country and place."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Kubernetes labels that the settings ask for."""
    taints: Sequence[str] = ()
    """Kubernetes taints that the settings ask for, e.g. dedicated=web:NoSchedule."""
    sudo: bool = False
    """Whether the SSH user is not root and becomes root by `sudo -n`."""
    guarded: bool = False
    """Whether the provider's own firewall guards it; else the host's nftables do."""
    etcd_device: str | None = None
    """What to mount for etcd on a control plane, e.g. LABEL=etcd; None: the root disk."""
    carries_software: bool = False
    """Whether its image carries Kubernetes, containerd and all images already: nothing is brought to it."""
    ssh_port: int = 22
    """Port on which the machine itself answers SSH, if no other is in between: its firewall opens it beside 22."""
    admin_networks: Sequence[str] = ()
    """Networks from which this one node is administered, beside firewall.admin_cidrs, e.g. 10.0.2.0/24."""

    @property
    def network(self) -> str:
        """The private network that it is in, e.g. 192.168.77.0/24."""
        return str(IPv4Network(f"{self.address}/{self.prefix_length}", strict=False))

    @property
    def bastion(self) -> pulumi.Output[dict[str, Any]] | None:
        """The host that SSH goes through: host, port, user, key (secret) and host_key; None: it is reached directly."""
        proxy = self.connection.proxy
        # components.remote.through makes them, never as an output or a mapping
        if not isinstance(proxy, remote.ProxyConnectionArgs):
            return None
        return pulumi.Output.all(
            host=proxy.host,
            port=_port(proxy),
            user=_user(proxy),
            key=pulumi.Output.secret(proxy.private_key),
            host_key=proxy.host_key,
        )

    @property
    def api_endpoint(self) -> pulumi.Output[str]:
        """Where this control plane's own API is reached from outside, e.g. 203.0.113.7:6443."""
        parts = pulumi.Output.all(address=self.public_address, ports=self.ports)
        return parts.apply(lambda at: endpoint(at["address"], int(at["ports"]["api"])))

    @property
    def stays(self) -> bool:
        """Whether the machine outlives this stack (it was given to us): leaving the cluster then resets it."""
        return self.machine is None

    @property
    def set_apart(self) -> bool:
        """Whether a taint keeps ordinary pods away: the front door and the demo are then on other workers."""
        return any(not taint.endswith(":PreferNoSchedule") for taint in self.taints)


def endpoint(address: str, port: int) -> str:
    """HOST:PORT as URLs have it, with the brackets of an IPv6 address."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def after(node: Node, held: pulumi.Output[Any]) -> Node:
    """The node, reached only when `held` has resolved."""
    connection = node.connection
    host = pulumi.Output.all(held, connection.host).apply(_last)
    beside = {name: getattr(connection, name) for name in BESIDE_HOST}
    return dataclasses.replace(
        node,
        connection=remote.ConnectionArgs(host=host, **beside),
        up=pulumi.Output.all(held, node.up).apply(_last),
    )


def _last(values: Sequence[Any]) -> str:
    return str(values[-1])


def _port(connection: remote.ConnectionArgs | remote.ProxyConnectionArgs) -> pulumi.Output[int]:
    return pulumi.Output.from_input(connection.port).apply(lambda port: int(port or 22))


def _user(connection: remote.ConnectionArgs | remote.ProxyConnectionArgs) -> pulumi.Output[str]:
    return pulumi.Output.from_input(connection.user).apply(lambda user: user or "root")


def ssh_environment(end: str, node: Node) -> dict[str, pulumi.Input[str]]:
    """FJORDKUBE_<end>_HOST, _PORT, _USER, _KEY (secret) and _HOST_KEY; _SUDO and _BASTION (secret) where there is one.

    What they mean: helpers/ssh.py.
    """
    connection = node.connection
    environment: dict[str, pulumi.Input[str]] = {
        f"FJORDKUBE_{end}_HOST": connection.host,
        f"FJORDKUBE_{end}_PORT": _port(connection).apply(str),
        f"FJORDKUBE_{end}_USER": _user(connection),
        f"FJORDKUBE_{end}_KEY": pulumi.Output.secret(connection.private_key).apply(lambda key: key or ""),
        f"FJORDKUBE_{end}_HOST_KEY": pulumi.Output.from_input(connection.host_key).apply(lambda key: key or ""),
    }
    if node.sudo:
        environment[f"FJORDKUBE_{end}_SUDO"] = "yes"
    if node.bastion is not None:
        environment[f"FJORDKUBE_{end}_BASTION"] = node.bastion.apply(json.dumps)
    return environment


def reached(nodes: Sequence[Node], api: bool = False) -> pulumi.Output[str]:
    """The nodes and how they are entered, as `ssh.listed` of the helpers reads them; secret, because of the SSH keys.

    With `api`, also where each one's API is reached from here. Each key stands there once: a variable of the
    environment ends at 128 KiB.
    """

    def entry(node: Node) -> pulumi.Output[dict[str, Any]]:
        return pulumi.Output.all(
            name=node.name,
            address=node.address,
            interface=node.interface,
            host=node.connection.host,
            port=_port(node.connection),
            user=_user(node.connection),
            key=pulumi.Output.secret(node.connection.private_key),
            host_key=node.connection.host_key,
            # only where it is so: the others' environment stays as it was
            **({"sudo": True} if node.sudo else {}),
            **({"bastion": node.bastion} if node.bastion is not None else {}),
            **({"api": node.api_endpoint} if api else {}),
        )

    return pulumi.Output.all(*(entry(node) for node in nodes)).apply(with_keys_apart)
