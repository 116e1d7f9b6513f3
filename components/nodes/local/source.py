"""Source `local`: virtual machines on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fjordkube.nodes.local import accelerator, preflight
from fjordkube.nodes.local.machines import LocalMachines, LocalMachinesArgs
from fjordkube.nodes.source import Machines, usual_ports

if TYPE_CHECKING:
    from fjordkube.bundle import Bundle
    from fjordkube.settings import LocalNodes, Stack


def check(settings: Stack, stack: str, programs: bool = True) -> None:
    """See components.nodes.source.Source."""
    preflight.check(_nodes(settings), stack, programs=programs)


def provide(settings: Stack, bundle: Bundle, stack: str) -> Machines:
    """See components.nodes.source.Source."""
    nodes = _nodes(settings)
    emulated = accelerator.choose(nodes.accelerator, bundle) == "tcg"
    args = LocalMachinesArgs(nodes, bundle, stack, emulated, usual_ports(settings))
    made = LocalMachines("nodes", args)
    return Machines(made.nodes, emulated)


def _nodes(settings: Stack) -> LocalNodes:
    from fjordkube.settings import LocalNodes

    assert isinstance(settings.nodes, LocalNodes)
    return settings.nodes
