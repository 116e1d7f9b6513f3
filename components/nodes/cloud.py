"""What sources that order their machines share: what they are made from, and the `Node` that one becomes.

Owns the checks of this computer, arguments, labels and ports that all of them have. Leaves each provider's resources to
its own folder, and cloud-init's text to cloud_init.py.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import pulumi

from fjordkube import remote
from fjordkube.errors import MachineError, UnfitComputer
from fjordkube.firewall import FirewallPolicy
from fjordkube.node import Node
from fjordkube.nodes import cloud_init, host_keys, stack_config
from fjordkube.nodes.host_keys import HostKey
from fjordkube.nodes.login_key import HostKeySeed, LoginKey
from fjordkube.nodes.source import usual_ports
from fjordkube.settings.nodes.node import NodeSettings, Role
from fjordkube.settings.secrets import SSH_KEY

if TYPE_CHECKING:
    from fjordkube.settings import Stack

USES: Final[Mapping[str, Role]] = {"api": "control-plane", "http": "worker", "https": "worker"}
"""Which nodes answer clients outside, by use."""

ETCD_DEVICE: Final = f"LABEL={cloud_init.ETCD_LABEL}"
"""A disk for etcd that cloud-init has formatted, as Node.etcd_device names it."""


class Ordered(Protocol):
    """What the settings of such a source have."""

    @property
    def provider(self) -> str:
        """Whose zones theirs are."""

    @property
    def private_cidr(self) -> str:
        """The machines' private network."""

    @property
    def interface(self) -> str:
        """NIC on it."""

    @property
    def ssh_key_file(self) -> str:
        """Private key to enter machines as root."""

    def address_of(self, node: NodeSettings) -> str | None:
        """See AnyNodes."""


S = TypeVar("S", bound=Ordered)
N = TypeVar("N", bound=NodeSettings)
T = TypeVar("T")


@dataclass(frozen=True)
class MachinesArgs(Generic[S]):
    """What all machines of a stack are made from."""

    settings: S
    stack: str
    """Name that keeps several stacks of one account apart."""
    ports: Mapping[str, int]
    """Port of a machine by use: ssh, api, http, https."""
    login_key: LoginKey
    """The key that enters as root."""


@dataclass(frozen=True)
class SeededMachinesArgs(MachinesArgs[S]):
    """The same where machines boot with user data of ours, and so with host keys that are known beforehand."""

    firewall: FirewallPolicy
    """Who may reach the machines, and the ranges of pods and Services, which a provider must let through."""
    seed: pulumi.Output[str]
    """Secret. See host_keys."""


@dataclass(frozen=True)
class MachineArgs(Generic[S, N]):
    """What one such machine is made from."""

    node: N
    shared: SeededMachinesArgs[S]

    @property
    def settings(self) -> S:
        """The source's settings."""
        return self.shared.settings

    @property
    def address(self) -> str:
        """Private IPv4 address; a loaded stack's nodes all have one."""
        return str(self.settings.address_of(self.node))

    @property
    def title(self) -> str:
        """Its name among all stacks, e.g. production-w1."""
        return f"{self.shared.stack}-{self.node.name}"

    @property
    def labels(self) -> dict[str, str]:
        """What the provider's lists show of it."""
        return {
            "fjordkube-stack": self.shared.stack,
            "fjordkube-node": self.node.name,
            "fjordkube-role": self.node.role,
        }

    @cached_property
    def host_key(self) -> pulumi.Output[HostKey]:
        """Secret. Its SSH host key."""
        return host_keys.of(self.shared.seed, self.shared.stack, self.node.name)

    def user_data(self, etcd_disk: str | None) -> pulumi.Output[str]:
        """Secret. `etcd_disk`: a blank disk for etcd, e.g. /dev/vdb; None: there is none."""
        return cloud_init.user_data(self.node.name, self.host_key, self.shared.login_key.public, etcd_disk)


def check(ssh_key_file: str, programs: bool, preview: bool, found: Sequence[str] = ()) -> None:
    """UnfitComputer with all that hinders on this computer, `found` among it. See Source.check."""
    problems = list(found)
    if problem := stack_config.key_problem(SSH_KEY, ssh_key_file, preview):
        problems.append(f"nodes.ssh_key_file: {problem}")
    if programs and shutil.which("ssh", path=os.environ.get("PATH", "") + ":/usr/bin") is None:
        problems.append("ssh: not in PATH; install it (Debian package openssh-client)")
    if problems:
        raise UnfitComputer(problems)


def seeded(nodes: S, settings: Stack, stack: str) -> SeededMachinesArgs[S]:
    """Registers the stack's own secrets, and says what its machines are made from."""
    return SeededMachinesArgs(
        nodes,
        stack,
        usual_ports(settings),
        login_key=LoginKey("nodes-key", SSH_KEY, nodes.ssh_key_file),
        firewall=FirewallPolicy.of(settings, [nodes.private_cidr]),
        seed=HostKeySeed("nodes-host-key-seed").text,
    )


def ports_of(role: Role, ports: Mapping[str, int]) -> dict[str, int]:
    """Those of a node of that role."""
    return {use: ports[use] for use in ("ssh", *USES) if USES.get(use, role) == role}


def node_of(
    node: NodeSettings,
    args: MachinesArgs[Any],
    *,
    public_address: pulumi.Input[str],
    host_key: pulumi.Input[str],
    up: pulumi.Output[str],
    identity: str,
    machine: pulumi.Resource,
    zone: pulumi.Input[str],
    etcd_device: str | None,
    ports: pulumi.Input[Mapping[str, int]] | None = None,
) -> Node:
    """The `Node` that a machine becomes; see there. `ports`: as the provider returned them; None: those of `args`.

    The provider's own firewall guards none of them (Node.guarded). UpCloud's keeps no state, among OpenStack's nodes a
    security group can say "everything" at the most (components/firewall/), and of a vendor's nothing is known.
    """
    settings: Ordered = args.settings
    given = ports_of(node.role, args.ports) if ports is None else ports
    port = pulumi.Output.from_input(given).apply(lambda found: found["ssh"])
    return Node(
        name=node.name,
        role=node.role,
        address=str(settings.address_of(node)),
        prefix_length=IPv4Network(settings.private_cidr).prefixlen,
        interface=settings.interface,
        public_address=public_address,
        ports=given,
        connection=remote.connection(public_address, port, args.login_key.private, host_key),
        up=up,
        identity=identity,
        machine=machine,
        zone=zone,
        provider=settings.provider,
        labels=getattr(node, "labels", {}),
        taints=getattr(node, "taints", ()),
        etcd_device=etcd_device,
    )


def once_made(resource: pulumi.CustomResource, answer: pulumi.Output[T]) -> pulumi.Output[T]:
    """The provider's answer: one that is not made yet has its inputs, as they were asked for, and no answer."""
    answered: pulumi.Output[T] = resource.id.apply(lambda _: answer)
    return answered


def returned(addresses: Iterable[str | None], problem: str) -> str:
    """The first address that a provider returned; MachineError with `problem` where there is none."""
    found = next((str(address) for address in addresses if address), "")
    # a NIC that is to change has no address before the change
    if not found and not pulumi.runtime.is_dry_run():
        raise MachineError(problem)
    return found
