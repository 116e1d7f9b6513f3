"""Machines that exist already: what a stack file says about hosts that are reached by SSH.

Owns how hosts are entered, and what each of them is. Leaves whether key files are there and host keys are known to
`components/nodes/existing/source.py`, and whether the hosts hold what is said of them to its survey.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fjordkube.settings.base import Settings
from fjordkube.settings.nodes.node import AnyNodes, NodeSettings, Role, WorkerSettings
from fjordkube.settings.types import (
    Cidr,
    DiskName,
    Flag,
    HostKey,
    HostnameOrIp,
    Line,
    NamedByText,
    Nic,
    Port,
    UserName,
    Zone,
)

Place = tuple[str | int, ...]
"""A field's place below `nodes`."""


class Bastion(Settings):
    """A host between this computer and the nodes, through which SSH goes (ssh's ProxyJump)."""

    host: HostnameOrIp = Field(examples=["203.0.113.5"])
    """Where its SSH answers, e.g. 203.0.113.5 or jump.example.no."""
    port: Port = 22
    """Port of its SSH, e.g. 22."""
    user: UserName = "root"
    """Whom one enters it as, e.g. jump."""
    key_file: Line | None = None
    """Private key for it, without a passphrase, e.g. ~/.ssh/jump; it may be the nodes' key, and is always named."""
    host_key: HostKey | None = None
    """Its public host key. None: as `known_hosts` has it."""


class Ssh(Settings):
    """How hosts are entered; user and port may be said again by a host."""

    user: UserName = "root"
    """Whom one enters a host as, e.g. root; another needs `sudo`."""
    port: Port = 22
    """Port of SSH, e.g. 22."""
    key_file: Line = "~/.ssh/id_ed25519"
    """Private key, mode 0600 and without a passphrase, e.g. ~/.ssh/fjordkube; a relative path starts in the
    checkout."""
    known_hosts: Line = "stacks/known_hosts"
    """File of host keys in ssh's format, e.g. stacks/known_hosts; a relative path starts in the checkout. `make
    host-keys` collects into it once, and nothing else writes it: an unknown key is never trusted by itself."""
    sudo: Flag = False
    """Whether the user becomes root by `sudo -n`, without a password."""
    bastion: Bastion | None = None
    """A host to go through. None: hosts are reached directly."""


class ExistingPorts(Settings):
    """Ports at the host's public address, where something in front of it forwards others than it listens on."""


class ExistingControlPlanePorts(ExistingPorts):
    """The same, of a control plane."""

    api: Port = 6443
    """Leads to the Kubernetes API, e.g. 6443."""


class ExistingWorkerPorts(ExistingPorts):
    """The same, of a worker."""

    http: Port | None = None
    """Leads to the ingress's HTTP port, e.g. 80. None: ingress.http_port itself."""
    https: Port | None = None
    """Leads to the ingress's HTTPS port, e.g. 443. None: ingress.https_port itself."""


class ExistingNode(NodeSettings):
    """One host; its name alone is enough where SSH answers at its private address."""

    host: HostnameOrIp | None = None
    """Where SSH answers, seen from this computer or from the bastion, e.g. 203.0.113.11. None: the private address."""
    port: Port | None = None
    """Port of SSH, e.g. 2222. None: nodes.ssh.port."""
    user: UserName | None = None
    """Whom one enters it as, e.g. debian. None: nodes.ssh.user."""
    host_key: HostKey | None = None
    """Its public host key. None: as nodes.ssh.known_hosts has it."""
    interface: Nic | None = None
    """NIC on the private network, e.g. enp7s0. None: nodes.interface."""
    zone: Zone | None = None
    """Where it stands, e.g. no-svg1. None: nodes.zone."""
    public_address: HostnameOrIp | None = None
    """Where clients outside reach it, this computer among them, e.g. 203.0.113.11. None: host."""


class ExistingWorker(ExistingNode, WorkerSettings):
    """A host that runs workloads."""

    ports: ExistingWorkerPorts = Field(default_factory=ExistingWorkerPorts)
    """Ports at its public address, where they are forwarded."""


class ExistingControlPlane(ExistingNode):
    """A host that runs the Kubernetes API and an etcd member."""

    role: ClassVar[Role] = "control-plane"
    etcd_disk: DiskName | None = None
    """Disk for etcd alone, already formatted, e.g. LABEL=etcd or /dev/vdb; or root, for the disk that the system is
    on. Must be said: etcd's latency is the cluster's, and a disk is not chosen by silence."""
    ports: ExistingControlPlanePorts = Field(default_factory=ExistingControlPlanePorts)
    """Ports at its public address, where they are forwarded."""


class ExistingNodes(AnyNodes):
    """Machines that exist already, reached by SSH: VPS, metal, whatever somebody else made and keeps."""

    source: Literal["existing"] = "existing"
    """Where nodes come from: existing."""
    private_cidr: Cidr = Field(examples=["10.1.0.0/24"])
    """Network between the hosts, with its real prefix length, e.g. 10.1.0.0/24; every host's address lies in it."""
    zone: Zone = Field(examples=["no-osl1"])
    """Where the hosts stand: country, dash, place, e.g. no-osl1. Declared, for nobody else can say it."""
    interface: Nic = "eth1"
    """The hosts' NIC on the private network, e.g. eth1."""
    ssh: Ssh = Field(default_factory=Ssh)
    """How hosts are entered."""
    control_planes: list[Annotated[ExistingControlPlane, NamedByText]] = Field(
        min_length=1, examples=[[{"name": "cp1", "etcd_disk": "LABEL=etcd"}]]
    )
    """Hosts that run the control plane, e.g. [{name: cp1, host: 203.0.113.11, etcd_disk: LABEL=etcd}]; an odd number,
    because etcd votes."""
    workers: list[Annotated[ExistingWorker, NamedByText]] = Field(min_length=1, examples=[["w1"]])
    """Hosts that run workloads, names or mappings, e.g. [{name: w1, host: 203.0.113.21}]; at least one."""

    @property
    def hosts(self) -> list[ExistingNode]:
        """Control planes, then workers."""
        return [*self.control_planes, *self.workers]

    def host_of(self, node: ExistingNode) -> str:
        """Where the host's SSH answers; empty for a node without any address, which a loaded stack has not."""
        return node.host or self.address_of(node) or ""

    def port_of(self, node: ExistingNode) -> int:
        """The port of its SSH."""
        return node.port or self.ssh.port

    def user_of(self, node: ExistingNode) -> str:
        """Whom one enters it as."""
        return node.user or self.ssh.user

    def contradictions(self) -> Iterator[tuple[tuple[Place, ...], str, str]]:
        """See AnyNodes."""
        yield from self._etcd_has_a_disk()
        yield from self._hosts_are_told_apart()
        yield from self._users_become_root()
        bastion = self.ssh.bastion
        if bastion and not bastion.key_file:
            fix = "name its private key, e.g. ~/.ssh/jump (the nodes' own may be named again)"
            yield (("ssh", "bastion", "key_file"),), "is missing, and a bastion is never entered with a key unsaid", fix

    def _placed(self) -> Iterator[tuple[Place, ExistingNode]]:
        for place, node in self.placed():
            assert isinstance(node, ExistingNode)
            yield place, node

    def _etcd_has_a_disk(self) -> Iterator[tuple[tuple[Place, ...], str, str]]:
        for place, node in self._placed():
            if isinstance(node, ExistingControlPlane) and not node.etcd_disk:
                fix = "name its disk, e.g. LABEL=etcd or /dev/vdb, or write root to let etcd share the system's disk"
                yield ((*place, "etcd_disk"),), "is missing, and etcd's disk is not chosen by silence", fix

    def _hosts_are_told_apart(self) -> Iterator[tuple[tuple[Place, ...], str, str]]:
        seen: dict[tuple[str, int], tuple[Place, str]] = {}
        for place, node in self._placed():
            # hosts at their private addresses are told apart by those, and two of one address are refused by them
            if not node.host:
                continue
            at = (node.host, self.port_of(node))
            if at in seen:
                other, name = seen[at]
                read: tuple[Place, ...] = ((*place, "host"), (*place, "port"), (*other, "host"), (*other, "port"))
                state = f"port {at[1]} of this address is also the SSH of {name}, so both would be one machine"
                yield (*read, ("ssh", "port")), state, "give each host its own address or port"
            seen.setdefault(at, (place, node.name))

    def _users_become_root(self) -> Iterator[tuple[tuple[Place, ...], str, str]]:
        if self.ssh.sudo:
            return
        fix = "set nodes.ssh.sudo: true (it must work without a password), or enter as root"
        if self.ssh.user != "root":
            yield (("ssh", "user"), ("ssh", "sudo")), f"{self.ssh.user} is not root, and nodes.ssh.sudo is off", fix
        for place, node in self._placed():
            if node.user not in (None, "root"):
                yield ((*place, "user"), ("ssh", "sudo")), f"{node.user} is not root, and nodes.ssh.sudo is off", fix
