"""Calico: pod addresses, BGP between the nodes without encapsulation, and NetworkPolicy.

Owns the component that puts Calico's objects into a cluster. Leaves what they say to the calico_* modules beside it,
the CNI programs to the node's image or packages, and the proof (BGP established, full MTU, no tunnel) to the gates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from fjordkube.network.calico_access import access
from fjordkube.network.calico_configuration import IptablesBackend, config_maps, configuration
from fjordkube.network.calico_controllers import controllers
from fjordkube.network.calico_node import daemon_set
from fjordkube.network.definitions import definitions
from fjordkube.objects import KubernetesObject, Object, Objects
from fjordkube.settings import Calico as CalicoSettings
from fjordkube.timing import TimingName


@dataclass(frozen=True)
class CalicoArgs:
    """What `Calico` needs."""

    settings: CalicoSettings
    """Pool, AS, encapsulation and MTU."""
    private_cidr: str
    """Network that the nodes speak BGP over, e.g. 192.168.77.0/24: each node's address is the one inside it."""
    api_host: str
    """Where a node reaches the API without kube-proxy: all of Calico's pods are on its network, e.g. 127.0.0.1."""
    images: Mapping[str, str]
    """References of calico-node, calico-cni and calico-kube-controllers, with tag or digest."""
    provider: pulumi.ProviderResource
    """The cluster; its kubeconfig is known as soon as the API answers."""
    timing: TimingName = "native"
    """Sets the probes' periods, and which services of calico-node's image stay down; nothing else."""
    api_port: int = 6443
    iptables_backend: IptablesBackend = "Auto"
    """Which iptables Felix writes with; Auto: the host's."""
    interfaces: Sequence[str] = ()
    """The nodes' NICs on that network, e.g. ["eth1"]: pods get their MTU. None: whatever Felix takes for a NIC."""
    install_cni: bool = False
    """Whether the image's CNI programs are laid into /opt/cni/bin of each node; False: they are there already."""
    after: Sequence[pulumi.Resource] = ()
    """What must be there before the first object."""
    deleted_with: pulumi.Resource | None = None
    """The machine or cluster whose end is the end of these objects too: they are then not deleted one by one."""


def objects(
    settings: CalicoSettings,
    images: Mapping[str, str],
    private_cidr: str,
    api_host: str,
    api_port: int,
    timing: TimingName,
    iptables_backend: IptablesBackend = "Auto",
    install_cni: bool = False,
    interfaces: Sequence[str] = (),
) -> list[Object]:
    """Everything of Calico but its CRDs."""
    read_at_start = [entry["data"] for entry in config_maps(settings, api_host, api_port)]
    digest = hashlib.sha256(json.dumps(read_at_start, sort_keys=True).encode()).hexdigest()[:16]
    return [
        *access(settings.version),
        *configuration(settings, api_host, api_port, iptables_backend, interfaces),
        daemon_set(images, private_cidr, timing, digest, settings.encapsulated, install_cni),
        *controllers(images["calico-kube-controllers"], timing),
    ]


class Calico(pulumi.ComponentResource):
    """Calico on every node of a cluster."""

    pod_cidr: pulumi.Output[str]
    """Where pods' addresses come from."""
    encapsulation: pulumi.Output[str]
    """none, or vxlan-cross-subnet."""

    def __init__(self, name: str, args: CalicoArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:network:Calico", name, None, opts)
        settings = args.settings
        rendered = objects(
            settings,
            args.images,
            args.private_cidr,
            args.api_host,
            args.api_port,
            args.timing,
            args.iptables_backend,
            args.install_cni,
            args.interfaces,
        )
        self.objects = Objects(
            name,
            [*definitions(settings.version), *rendered],
            args.provider,
            pulumi.ResourceOptions(parent=self, depends_on=list(args.after), deleted_with=args.deleted_with),
        )
        self.node: KubernetesObject = self.objects.get("DaemonSet", "calico-node")
        self.pod_cidr = pulumi.Output.from_input(str(settings.pod_cidr))
        self.encapsulation = pulumi.Output.from_input(settings.encapsulation)
        self.register_outputs({"pod_cidr": self.pod_cidr, "encapsulation": self.encapsulation})
