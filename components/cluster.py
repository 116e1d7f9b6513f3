"""A whole cluster on nodes that somebody provides: hosts, kubeadm, Calico, front door, demo, gates.

Owns what depends on what, as fine as the truth: Calico's objects need an API that answers and nothing more, workers are
prepared while the control plane starts, the front door is handed over while they join. That graph is what makes `up`
fast. Leaves machines to `nodes/`, every part to its own component, and configuration and exports to `__main__.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from fjordkube.bootstrap import (
    Addons,
    ControlPlane,
    ControlPlaneArgs,
    KubeadmCluster,
    SecretsEncryption,
    Worker,
    WorkerArgs,
)
from fjordkube.demo import Demo, DemoArgs
from fjordkube.firewall import FirewallPolicy
from fjordkube.gates.common import Promised
from fjordkube.gates.disk import disk_gate
from fjordkube.gates.gate import Gate
from fjordkube.gates.gates import Gates, GatesArgs
from fjordkube.host import bundle
from fjordkube.host.artifacts import ArtifactsArgs
from fjordkube.host.firewall import guards_itself
from fjordkube.host.host import Host
from fjordkube.host.preparation import HostArgs
from fjordkube.images import Images
from fjordkube.immutable import Immutable
from fjordkube.ingress.nginx import IngressNginx, IngressNginxArgs
from fjordkube.network.calico import Calico, CalicoArgs
from fjordkube.node import Node, after
from fjordkube.residency import asserted, says_zone
from fjordkube.settings import API_PROXY_ADDRESS, API_PROXY_PORT, ClusterSettings
from fjordkube.timing import NATIVE, Timing


@dataclass(frozen=True)
class ClusterArgs:
    """What `KubernetesCluster` is made from."""

    settings: ClusterSettings
    """What the cluster is to be."""
    nodes: Sequence[Node]
    """Its machines, control planes first; from any source."""
    images: Images
    """What its objects are made of."""
    timing: Timing = NATIVE
    """How patient to be: fjordkube.timing.NATIVE or EMULATED."""
    registry_login: pulumi.Input[str] | None = None
    """Secret. user:password of the registry of `settings.artifacts`, where it is a mirror's."""


class KubernetesCluster(pulumi.ComponentResource):
    """A Kubernetes cluster that has kept its promises."""

    kubeconfig: pulumi.Output[str]
    """Secret. For people: the rights of group kubeadm:cluster-admins."""
    provider: kubernetes.Provider
    """For objects of your own in this cluster; usable as soon as the API answers."""
    figures: pulumi.Output[Mapping[str, Any]]
    """What the gates measured, by gate; empty without gates."""
    promises: pulumi.Output[Sequence[Mapping[str, str]]]
    """The same for people: promise, measured, needed."""
    zones: Mapping[str, pulumi.Input[str]]
    """Zone by node, as its provider returned it and `residency` allows it; without nodes whose source says none."""
    url: pulumi.Output[str]
    """Where the front door is reached from outside, through the first node that has one."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:cluster:KubernetesCluster", name, None, opts)
        # 0. Nothing reaches a machine before its zone, as it was returned, is allowed, nor where a living cluster is
        # asked for what it cannot take.
        started = [node for node in args.nodes if node.role == "control-plane"]
        record = Immutable(f"{name}-immutable", args.settings, started, self._child())
        nodes = [after(asserted(node, node.provider, args.settings.residency), record.holds) for node in args.nodes]
        self.zones = {node.name: node.zone for node in nodes if says_zone(node)}
        args = dataclasses.replace(args, nodes=nodes)
        self._prefix, self._args = name, args
        settings = args.settings
        control_planes = [node for node in args.nodes if node.role == "control-plane"]
        workers = [node for node in args.nodes if node.role == "worker"]
        # What ends with the cluster is not taken apart first: its objects never, memberships unless machines stay.
        self._record, self._end = record, record.cluster

        networks = [node.network for node in args.nodes]
        self._firewall = FirewallPolicy.of(settings, networks, [plane.address for plane in control_planes])
        self._control_planes = control_planes
        self._kubeadm = KubeadmCluster.of(settings, control_planes, args.images.kubernetes, args.timing)

        # 1. Every machine becomes a host, all at once.
        hosts = {node.name: self._host(node) for node in args.nodes}

        # Where etcd will write is measured before it does; a slow disk stops the run here.
        self._disks: dict[str, Gate] = {}
        for node in control_planes:
            gate = disk_gate(f"{name}-{node.name}-host-disk", node, hosts[node.name], settings.gates, args.timing)
            if gate is not None:
                self._disks[node.name] = gate

        # 2. Control planes, one after the other (etcd admits members singly); workers as soon as nodes can join.
        ready = [hosts[node.name].prepared for node in control_planes]
        first = self._control_plane(control_planes[0], ready)
        addons = Addons(name, control_planes[0], self._kubeadm, record.identifier, [first.member], self._child())
        members = [first.member]
        for node in control_planes[1:]:
            members.append(self._control_plane(node, [*ready, addons.joinable, members[-1]]).member)
        joined = [self._worker(node, hosts[node.name], addons).joined for node in workers]
        joined += [addons.joinable, *members[1:]]
        SecretsEncryption(
            f"{name}-secrets", self._kubeadm, addons.kubeconfig, [addons.joinable, *members], self._child()
        )

        # 3. Objects go straight to an API that answers, long before the first worker is there.
        self.provider = self._connect(addons)
        calico = self._calico(control_planes[0], addons)
        demo = self._demo(addons)
        nginx = self._nginx(addons, demo)

        front = next(node for node in workers if not node.set_apart)  # settings demand one
        self.url = pulumi.Output.all(address=front.public_address, ports=front.ports).apply(
            lambda at: f"http://{at['address']}:{at['ports'].get('http', 80)}/"
        )

        # 4. What was promised is measured.
        self.kubeconfig = addons.user_kubeconfig
        self.figures = pulumi.Output.from_input({})
        self.promises = pulumi.Output.from_input([])
        if settings.gates.enabled:
            gates = self._gates(addons, calico, joined, nginx, demo)
            self.figures, self.promises = gates.figures, gates.promises
        self.register_outputs({"url": self.url, "figures": self.figures, "promises": self.promises})

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _host(self, node: Node) -> Host:
        settings = self._args.settings
        return Host(
            f"{self._prefix}-{node.name}-host",
            HostArgs(
                node,
                self._control_planes,
                settings.cluster.api_host,
                settings.kubernetes.version,
                self._args.images.sandbox,
                kube_proxy=settings.kube_proxy,
                front_ports=(settings.ingress.http_port, settings.ingress.https_port),
                firewall=self._firewall if guards_itself(node, settings.firewall.host) else None,
                existing_firewall=settings.firewall.existing,
                timing=self._args.timing,
                artifacts=self._artifacts() if settings.artifacts.install else None,
            ),
            self._child(),
        )

    def _artifacts(self) -> ArtifactsArgs:
        args = self._args
        settings, images = args.settings, args.images
        versions = bundle.versions(settings, images)
        networks = [*dict.fromkeys(node.network for node in args.nodes)]
        networks += [settings.network.pod_cidr, settings.kubernetes.service_cidr]
        return ArtifactsArgs.of(settings.artifacts, versions, images.sandbox, args.registry_login, networks)

    def _control_plane(self, node: Node, waits: Sequence[pulumi.Resource]) -> ControlPlane:
        disk = self._disks.get(node.name)
        return ControlPlane(
            f"{self._prefix}-{node.name}",
            ControlPlaneArgs(
                node, self._kubeadm, after=[*waits, *([disk] if disk else [])], deleted_with=self._end_of(node)
            ),
            self._child(),
        )

    def _end_of(self, node: Node) -> pulumi.Resource | None:
        """What ends a node's membership by its own end: a machine that stays is reset."""
        return None if node.stays else self._end

    def _worker(self, node: Node, host: Host, addons: Addons) -> Worker:
        return Worker(
            f"{self._prefix}-{node.name}",
            WorkerArgs(
                node,
                self._kubeadm,
                kubeconfig=addons.kubeconfig,
                after=[host.prepared, addons.joinable],
                deleted_with=self._end_of(node),
            ),
            self._child(),
        )

    def _connect(self, addons: Addons) -> kubernetes.Provider:
        return kubernetes.Provider(
            f"{self._prefix}-objects",
            kubeconfig=addons.kubeconfig,
            # Without an identifier a kubeconfig that is not known yet plans a replacement of every object
            # (pulumi-kubernetes#2745). The record's stays what it was until a cluster really starts anew.
            cluster_identifier=self._record.identifier,
            # In place: the provider's default deletes and makes anew, and nginx would run on its defaults in between.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            opts=pulumi.ResourceOptions(parent=self, deleted_with=self._end),
        )

    def _calico(self, plane: Node, addons: Addons) -> Calico:
        args = self._args
        return Calico(
            f"{self._prefix}-calico",
            CalicoArgs(
                settings=args.settings.network,
                private_cidr=plane.network,
                interfaces=sorted({node.interface for node in args.nodes}),
                api_host=API_PROXY_ADDRESS,
                api_port=API_PROXY_PORT,
                images=args.images.of("calico-node", "calico-cni", "calico-kube-controllers"),
                install_cni=self._pods_bring_cni(),
                provider=self.provider,
                timing=args.timing.name,
                after=[addons.api],
                deleted_with=self._end,
            ),
            self._child(),
        )

    def _pods_bring_cni(self) -> bool:
        """Whether Calico's pods bring its CNI programs; a bundle of built ones and local disks have them."""
        carried = all(node.carries_software for node in self._args.nodes)
        return not carried and self._args.settings.artifacts.origin == "upstream"

    def _demo(self, addons: Addons) -> Demo | None:
        args = self._args
        if not args.settings.demo.enabled:
            return None
        return Demo(
            f"{self._prefix}-demo",
            DemoArgs(
                settings=args.settings.demo,
                image=args.images.references["demo"],
                provider=self.provider,
                timing=args.timing.name,
                nodes=sum(node.role == "worker" and not node.set_apart for node in args.nodes),
                # While kubeadm still starts the rest of the control plane, the API is better left to it.
                after=[addons.joinable],
                deleted_with=self._end,
            ),
            self._child(),
        )

    def _nginx(self, addons: Addons, demo: Demo | None) -> IngressNginx:
        args = self._args
        return IngressNginx(
            f"{self._prefix}-ingress",
            IngressNginxArgs(
                settings=args.settings.ingress,
                api_host=API_PROXY_ADDRESS,
                api_port=API_PROXY_PORT,
                image=args.images.references["ingress-nginx-controller"],
                provider=self.provider,
                timing=args.timing.name,
                ingresses=[demo.ingress] if demo else [],
                after=[addons.joinable],
                deleted_with=self._end,
            ),
            self._child(),
        )

    def _gates(
        self,
        addons: Addons,
        calico: Calico,
        joined: Sequence[pulumi.Resource],
        nginx: IngressNginx,
        demo: Demo | None,
    ) -> Gates:
        args = self._args
        demo_objects = list(demo.objects) if demo else []
        demo_digest = demo.objects.digest if demo else ""
        return Gates(
            f"{self._prefix}-gates",
            GatesArgs(
                promised=Promised.of(args.settings),
                nodes=args.nodes,
                kubeconfig=addons.kubeconfig,
                provider=self.provider,
                image=args.images.references["demo"],
                network=[calico.node, *joined],
                services=[addons.handed, *joined, *demo_objects],
                front=[*nginx.objects, *joined, *demo_objects],
                triggers={
                    "bgp": [calico.objects.digest],
                    "data-path": [calico.objects.digest],
                    "ipvs": [demo_digest],
                    "ingress": [nginx.objects.digest, demo_digest],
                },
                settings=args.settings.gates,
                timing=args.timing,
                disks=self._disks,
                deleted_with=self._end,
            ),
            self._child(),
        )
