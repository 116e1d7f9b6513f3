"""Source `local`: virtual machines on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fjordkube.nodes.local import accelerator, preflight, vm_image
from fjordkube.nodes.source import Machines, usual_ports

if TYPE_CHECKING:
    from fjordkube.images import Images
    from fjordkube.settings import LocalNodes, Stack


def check(settings: Stack, stack: str, programs: bool = True, preview: bool = False) -> None:  # noqa: ARG001
    """See components.nodes.source.Source."""
    preflight.check(_nodes(settings), stack, programs=programs)


def provide(settings: Stack, images: Images, stack: str) -> Machines:  # noqa: ARG001
    """See components.nodes.source.Source."""
    # on demand: whoever only checks shall not wait for the SDK
    import pulumi

    from fjordkube.nodes.local.machines import LocalMachines, LocalMachinesArgs

    nodes = _nodes(settings)
    image = vm_image.wanted(settings.kubernetes.version, settings.network.version)
    there = vm_image.built(image)
    emulated = accelerator.choose(nodes.accelerator, there) == "tcg"
    if nodes.accelerator != "tcg" and not emulated and there is None:
        pulumi.log.warn("nodes.accelerator: kvm is expected; whether a guest boots with it is seen when one is built")
    args = LocalMachinesArgs(nodes, image, stack, emulated, usual_ports(settings))
    made = LocalMachines("nodes", args)
    return Machines(made.nodes, emulated)


def _nodes(settings: Stack) -> LocalNodes:
    from fjordkube.settings import LocalNodes

    assert isinstance(settings.nodes, LocalNodes)
    return settings.nodes
