"""Source `existing`: hosts that are reached by SSH, with keys that the user names and host keys that are known."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from fjordkube.errors import UnfitComputer
from fjordkube.nodes import stack_config
from fjordkube.nodes.existing.pins import pins
from fjordkube.nodes.source import Machines
from fjordkube.settings.secrets import BASTION_KEY, SSH_KEY

if TYPE_CHECKING:
    from fjordkube.images import Images
    from fjordkube.settings import ExistingNodes, Stack


def check(settings: Stack, stack: str, programs: bool = True, preview: bool = False) -> None:
    """See components.nodes.source.Source. Asks no host."""
    nodes = nodes_of(settings)
    lacking = programs and shutil.which("ssh") is None
    problems = ["ssh: not in PATH; install it (Debian package openssh-client)"] if lacking else []
    problems += key_problems(nodes, preview) + pins(nodes, stack).problems
    if problems:
        raise UnfitComputer(problems)


def provide(settings: Stack, images: Images, stack: str) -> Machines:
    """See components.nodes.source.Source."""
    # on demand: `check` needs no resources, and whoever only checks shall not wait for them
    import pulumi

    from fjordkube.nodes.existing.machines import ExistingMachines, ExistingMachinesArgs

    check(settings, stack, preview=pulumi.runtime.is_dry_run())
    nodes = nodes_of(settings)
    keys = pins(nodes, stack).keys
    return Machines(ExistingMachines("nodes", ExistingMachinesArgs(nodes, settings, images.references, keys)).nodes)


def key_problems(nodes: ExistingNodes, preview: bool = False) -> list[str]:
    """`field: state; fix` of each private key that cannot be used."""
    named = {"nodes.ssh.key_file": (SSH_KEY, nodes.ssh.key_file)}
    if nodes.ssh.bastion and nodes.ssh.bastion.key_file:
        named["nodes.ssh.bastion.key_file"] = (BASTION_KEY, nodes.ssh.bastion.key_file)
    found = {field: stack_config.key_problem(config, path, preview) for field, (config, path) in named.items()}
    return [f"{field}: {problem}" for field, problem in found.items() if problem]


def nodes_of(settings: Stack) -> ExistingNodes:
    """The settings' nodes, which are of this source."""
    from fjordkube.settings import ExistingNodes

    assert isinstance(settings.nodes, ExistingNodes)
    return settings.nodes
