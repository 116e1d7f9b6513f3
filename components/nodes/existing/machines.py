"""Machines that exist already, as Pulumi resources: one for the whole list, which asks all hosts what they are.

Owns that survey and the `Node` that each host becomes. Leaves what hosts are asked to question.py, and whether they may
be used to helpers/survey/.

One survey for all, so that two hosts that cannot be reached are told together. What it prints is in the stack's state
and nothing depends on it: a host more is an update of the survey, whose output a preview does not know, and would
otherwise show every resource of every host as changed. A node's identity is its pinned host key, which the settings
say; the survey is only waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi
from pulumi_command import local, remote

from fjordkube.helpers import launcher
from fjordkube.node import Node
from fjordkube.nodes.existing import host_keys, question
from fjordkube.nodes.existing.pins import BASTION
from fjordkube.nodes.login_key import LoginKey
from fjordkube.remote import connection, through
from fjordkube.settings import (
    API_PORT,
    Bastion,
    ClusterSettings,
    ExistingControlPlane,
    ExistingNode,
    ExistingNodes,
    ExistingWorker,
    WorkerSettings,
)
from fjordkube.settings.secrets import BASTION_KEY, SSH_KEY


@dataclass(frozen=True)
class ExistingMachinesArgs:
    """What the hosts of a stack are."""

    settings: ExistingNodes
    cluster: ClusterSettings
    """What the hosts are asked for: versions, ranges and ports."""
    images: Mapping[str, str]
    """References of images that hosts must have, by component."""
    keys: Mapping[str, str]
    """Public host key line by node name, and of the bastion by `BASTION`: see pins.py."""


class ExistingMachines(pulumi.ComponentResource):
    """All hosts of a stack; `nodes` is what the rest of the program needs."""

    nodes: list[Node]
    facts: pulumi.Output[str]
    """What the hosts said of themselves when they were last asked, as JSON."""

    def __init__(self, name: str, args: ExistingMachinesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:nodes:ExistingMachines", name, None, opts)
        settings = args.settings
        child = pulumi.ResourceOptions(parent=self)
        key, bastion, bastion_key = LoginKey(f"{name}-key", SSH_KEY, settings.ssh.key_file, child), None, None
        if settings.ssh.bastion:
            assert settings.ssh.bastion.key_file, "settings/consistency/ asks for it"
            bastion_key = LoginKey(f"{name}-bastion-key", BASTION_KEY, settings.ssh.bastion.key_file, child).private
            bastion = _bastion(settings.ssh.bastion, bastion_key, args.keys)
        nodes = [_node(host, args, key.private, bastion) for host in settings.hosts]

        # All hosts are looked at before the first is changed; each later resource of a node waits for its `up`.
        run, asked = launcher.command("survey"), question.environment(settings, args.cluster, args.images)
        keys = pulumi.Output.all(key.private, bastion_key)
        nodes_entered: pulumi.Output[str] = keys.apply(
            lambda both: question.entrances(settings, args.keys, both[0], both[1])
        )
        self.survey = local.Command(
            f"{name}-survey",
            create=run,
            update=run,
            environment={
                **asked,
                "FJORDKUBE_NODES": nodes_entered,
                "FJORDKUBE_HELPER": launcher.REVISIONS["survey"],
            },
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.nodes = [replace(node, up=self._after_survey(f"{node.name} {node.identity}")) for node in nodes]
        # The official plugin calls an output secret when an input is one; these facts are none.
        self.facts = pulumi.Output.unsecret(self.survey.stdout)
        self.register_outputs({"facts": self.facts})

    def _after_survey(self, text: str) -> pulumi.Output[str]:
        """`text`, known at preview, for whoever shall wait until the survey has passed."""
        return self.survey.urn.apply(lambda _: text)


def _bastion(bastion: Bastion, key: pulumi.Output[str], keys: Mapping[str, str]) -> remote.ProxyConnectionArgs:
    return through(bastion.host, bastion.port, key, keys[BASTION], bastion.user)


def _node(
    host: ExistingNode,
    args: ExistingMachinesArgs,
    private_key: pulumi.Output[str],
    bastion: remote.ProxyConnectionArgs | None,
) -> Node:
    settings = args.settings
    address, user = settings.addresses[host.name], settings.user_of(host)
    at, port, key = settings.host_of(host), settings.port_of(host), args.keys[host.name]
    disk = host.etcd_disk if isinstance(host, ExistingControlPlane) else None
    return Node(
        name=host.name,
        role=host.role,
        address=address,
        prefix_length=int(str(settings.private_cidr).partition("/")[2]),
        interface=host.interface or settings.interface,
        public_address=host.public_address or at,
        ports=_ports(host, args.cluster, port),
        connection=connection(at, port, private_key, key, user, bastion=bastion),
        up=pulumi.Output.from_input(""),
        # A machine that was installed anew shows another host key, and whoever pins it says so.
        identity=host_keys.fingerprint(key),
        machine=None,
        zone=host.zone or settings.zone,
        provider=settings.provider,
        labels=host.labels if isinstance(host, WorkerSettings) else {},
        taints=host.taints if isinstance(host, WorkerSettings) else (),
        sudo=question.becomes_root(host, settings),
        guarded=False,
        ssh_port=port,
        etcd_device=None if disk in (None, "root") else disk,
    )


def _ports(host: ExistingNode, settings: ClusterSettings, ssh: int) -> dict[str, int]:
    ports = {"ssh": ssh}
    if isinstance(host, ExistingControlPlane):
        ports["api"] = host.ports.api or API_PORT
    elif isinstance(host, ExistingWorker):
        ports["http"] = host.ports.http or settings.ingress.http_port
        ports["https"] = host.ports.https or settings.ingress.https_port
    return ports
