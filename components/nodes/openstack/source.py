"""Source `openstack`: instances in an OpenStack cloud, made by its API."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from fjordkube.errors import UnfitComputer
from fjordkube.nodes import host_keys, ssh_key
from fjordkube.nodes.openstack.machines import OpenstackMachines, OpenstackMachinesArgs
from fjordkube.nodes.source import Machines, usual_ports

if TYPE_CHECKING:
    from fjordkube.bundle import Bundle
    from fjordkube.settings import OpenstackNodes, Stack


def check(settings: Stack, stack: str, programs: bool = True) -> None:  # noqa: ARG001 - the source's shape
    """See components.nodes.source.Source.

    Credentials are not looked for: they may come from clouds.yaml, from OS_* or from the stack's configuration, and a
    preview by the stand-in needs none. The provider itself names what it misses.
    """
    problems = []
    if problem := ssh_key.problem(_nodes(settings).ssh_key_file):
        problems.append(f"nodes.ssh_key_file: {problem}")
    if programs and shutil.which("ssh", path=os.environ.get("PATH", "") + ":/usr/bin") is None:
        problems.append("ssh: not in PATH; install it (Debian package openssh-client)")
    if problems:
        raise UnfitComputer(problems)


def provide(settings: Stack, bundle: Bundle, stack: str) -> Machines:  # noqa: ARG001 - the image carries it all
    """See components.nodes.source.Source."""
    check(settings, stack)
    nodes = _nodes(settings)
    args = OpenstackMachinesArgs(
        nodes,
        settings,
        stack,
        ports=usual_ports(settings),
        login_key=ssh_key.public(nodes.ssh_key_file),
        seed=host_keys.seed(),
        private_key=ssh_key.private(nodes.ssh_key_file),
    )
    made = OpenstackMachines("nodes", args)
    return Machines(made.nodes, load_balancer=made.load_balancer)


def _nodes(settings: Stack) -> OpenstackNodes:
    from fjordkube.settings import OpenstackNodes

    assert isinstance(settings.nodes, OpenstackNodes)
    return settings.nodes
