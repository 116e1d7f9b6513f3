"""All gates of a cluster: what must be measured as promised before `up` is done.

Owns the list of gates and their order, the resources, and the probe's. Leaves what each asks, needs and tells to its
module, measuring to helpers/gates/, and disks, which are measured before there is a cluster, to disk.py. A gate runs
again when the nodes were restarted, when what was installed has changed, or when the way of measuring has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from fjordkube.gates import bgp, data_path, disk, ingress, ipvs, probe
from fjordkube.gates.common import Figures, Name, Need, Promised, Question, Row, wait
from fjordkube.gates.gate import Gate
from fjordkube.helpers.membership import labels_and_taints
from fjordkube.node import Node
from fjordkube.objects import Objects
from fjordkube.settings import Gates as GatesSettings
from fjordkube.timing import NATIVE, Timing

ROWS: Mapping[Name, Callable[[Figures], list[Row]]] = {
    "disk": disk.rows,
    "bgp": bgp.rows,
    "data-path": data_path.rows,
    "ipvs": ipvs.rows,
    "ingress": ingress.rows,
}


def questions(promised: Promised, timing: Timing) -> list[Question]:
    """The gates of a cluster, in the order of what they build on."""
    every = [
        bgp.question(promised),
        data_path.question(promised, timing),
        ipvs.question(promised),
        ingress.question(promised),
    ]
    return [question for question in every if question is not None]


def promises(figures: Mapping[str, Figures]) -> list[Row]:
    """Rows of `promise`, `measured` and `needed` for the gates that were run, in their order."""
    return [row for gate, rows in ROWS.items() if gate in figures for row in rows(figures[gate])]


@dataclass(frozen=True)
class GatesArgs:
    """What `Gates` measures, and after what."""

    promised: Promised
    """What is measured."""
    nodes: Sequence[Node]
    """All nodes, in settings' order."""
    kubeconfig: pulumi.Input[str]
    """Secret; reachable from where Pulumi runs."""
    provider: pulumi.ProviderResource
    """The cluster, for the probe's objects."""
    image: str
    """The probe's image: the demo's."""
    network: Sequence[pulumi.Resource]
    """What must be there before BGP and data path are asked: Calico's DaemonSet, every joined node."""
    services: Sequence[pulumi.Resource]
    """What must be there before IPVS is asked: add-ons, the demo's objects."""
    front: Sequence[pulumi.Resource]
    """What must be there before the ingress is asked: controller and demo."""
    triggers: Mapping[Name, Sequence[pulumi.Input[Any]]]
    """What was installed, by gate: another value measures that one again. One that is not named has none."""
    settings: GatesSettings = field(default_factory=GatesSettings)
    """How long to wait, where the timing does not say it."""
    timing: Timing = NATIVE
    """Sets how long to wait, nothing else."""
    disks: Mapping[str, Gate] = field(default_factory=dict)
    """Disk gates by control plane, which were before: their figures join the others."""
    deleted_with: pulumi.Resource | None = None
    """The machine or cluster whose end is the end of the probe's objects too."""


class Gates(pulumi.ComponentResource):
    """The promises, measured."""

    figures: pulumi.Output[Mapping[str, Any]]
    """Figures by gate (disk by node, bgp, data-path, ipvs, ingress; those that the stack has); unknown at preview."""
    promises: pulumi.Output[Sequence[Mapping[str, str]]]
    """The same as rows of promise, measured and needed."""

    def __init__(self, name: str, args: GatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:gates:Gates", name, None, opts)
        self._prefix, self._args = name, args
        # A list in another order is no reason to measure again.
        self._nodes = sorted(args.nodes, key=lambda node: node.name)

        # The probe waits for nothing but the API: it shall run when the network does.
        options = pulumi.ResourceOptions(parent=self, deleted_with=args.deleted_with)
        taint_keys = {labels_and_taints.parsed(taint)["key"] for node in self._nodes for taint in node.taints}
        self.probe = Objects(f"{name}-probe", probe.objects(args.image, taint_keys), args.provider, options)

        # One command per promise. What others build on is measured first, so that a failure is named where it began.
        self.gates: dict[Name, Gate] = {}
        there: dict[Need | Name, Sequence[pulumi.Resource]] = {
            "network": args.network,
            "services": args.services,
            "front": args.front,
            "probe": [*self.probe],
        }
        for question in questions(args.promised, args.timing):
            before = [resource for need in question.needs for resource in there[need]]
            self.gates[question.name] = made = Gate(
                f"{name}-{question.name}",
                question,
                nodes=self._nodes,
                kubeconfig=args.kubeconfig,
                wait=wait(args.settings, args.timing),
                more=self._http_ports("redirect" in question.asked) if question.name == "ingress" else None,
                triggers=args.triggers.get(question.name, ()),
                opts=pulumi.ResourceOptions(parent=self, depends_on=before),
            )
            there[question.name] = [made]

        found: dict[str, pulumi.Output[Mapping[str, Any]]] = {}
        if args.disks:
            found["disk"] = pulumi.Output.all(**{node: gate.figures for node, gate in args.disks.items()})
        found |= {name: gate.figures for name, gate in self.gates.items()}
        self.figures = pulumi.Output.all(**found)
        self.promises = self.figures.apply(promises)
        self.register_outputs({"figures": self.figures, "promises": self.promises})

    def _http_ports(self, https: bool) -> pulumi.Output[Mapping[str, Any]]:
        nodes = [
            pulumi.Output.all(name=node.name, address=node.public_address, ports=node.ports)
            for node in self._nodes
            if not node.set_apart
        ]
        return pulumi.Output.all(*nodes).apply(lambda found: {"targets": ingress.http_ports(found, https)})
