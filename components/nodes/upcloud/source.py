"""Source `upcloud`: servers at UpCloud, made by its API."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from fjordkube.errors import UnfitComputer
from fjordkube.nodes import host_keys, ssh_key
from fjordkube.nodes.source import Machines, usual_ports
from fjordkube.nodes.upcloud.machines import UpcloudMachines, UpcloudMachinesArgs

if TYPE_CHECKING:
    from fjordkube.bundle import Bundle
    from fjordkube.settings import Stack, UpcloudNodes


def check(settings: Stack, stack: str, programs: bool = True) -> None:  # noqa: ARG001 - the source's shape
    """See components.nodes.source.Source.

    Credentials are not looked for: they may come from the environment, from the stack's configuration or from a
    keyring, and a preview by the stand-in needs none. The provider itself names what it misses.
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
    ports = usual_ports(settings)
    args = UpcloudMachinesArgs(
        nodes,
        stack,
        ports,
        seed=host_keys.seed(),
        login_key=ssh_key.public(nodes.ssh_key_file),
        private_key=ssh_key.private(nodes.ssh_key_file),
        stack_settings=settings,
    )
    made = UpcloudMachines("nodes", args)
    return Machines(made.nodes, load_balancer=made.load_balancer)


def _nodes(settings: Stack) -> UpcloudNodes:
    from fjordkube.settings import UpcloudNodes

    assert isinstance(settings.nodes, UpcloudNodes)
    return settings.nodes
