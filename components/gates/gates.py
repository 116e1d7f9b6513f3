"""All gates of a stack: what must be measured as promised before `up` is done.

Owns which gate waits for what, and the probe. Leaves which gates there are to questions.py, measuring to
helpers/gates/, words to promises.py, and disks, which are measured before there is a cluster, to disk.py. A gate runs
again when the nodes were restarted, when what was installed has changed, or when the way of measuring has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from fjordkube.gates import probe
from fjordkube.gates.gate import Gate
from fjordkube.gates.promises import promises
from fjordkube.gates.questions import Name, questions, targets, wait
from fjordkube.helpers.membership import labels_and_taints
from fjordkube.node import Node
from fjordkube.objects import Objects
from fjordkube.settings import Stack
from fjordkube.timing import Timing


@dataclass(frozen=True)
class GatesArgs:
    """What `Gates` measures, and after what."""

    settings: Stack
    timing: Timing
    """Sets how long to wait, nothing else."""
    nodes: Sequence[Node]
    """All nodes, in settings' order."""
    kubeconfig: pulumi.Input[str]
    """Secret; reachable from where Pulumi runs."""
    provider: pulumi.ProviderResource
    """The cluster, for the probe's objects."""
    image: str
    """The probe's image: the demo's."""
    network: Sequence[pulumi.Resource]
    """What must be there before BGP and data path are asked: Calico's DaemonSet, every node's membership."""
    services: Sequence[pulumi.Resource]
    """What must be there before IPVS is asked: add-ons, the demo's objects."""
    front: Sequence[pulumi.Resource]
    """What must be there before the ingress is asked: controller and demo."""
    triggers: Mapping[Name, Sequence[pulumi.Input[Any]]]
    """What was installed, by gate: another value measures that one again. One that is not named has none."""
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
        for question in questions(args.settings, args.timing):
            self.gates[question.name] = Gate(
                f"{name}-{question.name}",
                question,
                nodes=self._nodes,
                kubeconfig=args.kubeconfig,
                wait=wait(args.settings, args.timing),
                more=self._doors() if question.name == "ingress" else None,
                triggers=args.triggers.get(question.name, ()),
                opts=pulumi.ResourceOptions(parent=self, depends_on=self._before(question.name)),
            )

        found: dict[str, pulumi.Output[Mapping[str, Any]]] = {}
        if args.disks:
            found["disk"] = pulumi.Output.all(**{node: made.figures for node, made in args.disks.items()})
        found |= {gate: made.figures for gate, made in self.gates.items()}
        self.figures = pulumi.Output.all(**found)
        self.promises = self.figures.apply(promises)
        self.register_outputs({"figures": self.figures, "promises": self.promises})

    def _before(self, gate: Name) -> list[pulumi.Resource]:
        match gate:
            case "disk":
                return []  # never among `questions`
            case "bgp":
                return [*self._args.network]
            case "data-path":
                return [*self._args.network, *self.probe, self.gates["bgp"]]
            case "ipvs":
                return [*self._args.services]
            case "ingress":
                return [*self._args.front]

    def _doors(self) -> pulumi.Output[Mapping[str, Any]]:
        nodes = [
            pulumi.Output.all(name=node.name, address=node.public_address, ports=node.ports)
            for node in self._nodes
            if not node.set_apart
        ]
        return pulumi.Output.all(*nodes).apply(lambda doors: {"targets": targets(doors)})
