"""Source `openstack`: instances in an OpenStack cloud, made by its API."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pulumi

from fjordkube.errors import UnfitComputer
from fjordkube.firewall import FirewallPolicy
from fjordkube.nodes import stack_config
from fjordkube.nodes.login_key import HostKeySeed, LoginKey
from fjordkube.nodes.openstack.machines import OpenstackMachines, OpenstackMachinesArgs
from fjordkube.nodes.source import Machines, usual_ports
from fjordkube.settings.secrets import SSH_KEY

if TYPE_CHECKING:
    from fjordkube.images import Images
    from fjordkube.settings import OpenstackNodes, Stack


def check(settings: Stack, stack: str, programs: bool = True, preview: bool = False) -> None:  # noqa: ARG001
    """See components.nodes.source.Source.

    Credentials are not looked for: they may come from clouds.yaml, from OS_* or from the stack's configuration, and a
    preview by the stand-in needs none. The provider itself names what it misses.
    """
    problems = []
    if problem := stack_config.key_problem(SSH_KEY, _nodes(settings).ssh_key_file, preview):
        problems.append(f"nodes.ssh_key_file: {problem}")
    if programs and shutil.which("ssh", path=os.environ.get("PATH", "") + ":/usr/bin") is None:
        problems.append("ssh: not in PATH; install it (Debian package openssh-client)")
    if problems:
        raise UnfitComputer(problems)


def provide(settings: Stack, images: Images, stack: str) -> Machines:  # noqa: ARG001 - the image carries it all
    """See components.nodes.source.Source."""
    check(settings, stack, preview=pulumi.runtime.is_dry_run())
    nodes = _nodes(settings)
    args = OpenstackMachinesArgs(
        nodes,
        FirewallPolicy.of(settings, [nodes.private_cidr]),
        stack,
        ports=usual_ports(settings),
        login_key=LoginKey("nodes-key", SSH_KEY, nodes.ssh_key_file),
        seed=HostKeySeed("nodes-host-key-seed").text,
    )
    made = OpenstackMachines("nodes", args)
    return Machines(made.nodes, load_balancer=made.load_balancer)


def _nodes(settings: Stack) -> OpenstackNodes:
    from fjordkube.settings import OpenstackNodes

    assert isinstance(settings.nodes, OpenstackNodes)
    return settings.nodes
