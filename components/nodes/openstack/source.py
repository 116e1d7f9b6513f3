"""Source `openstack`: instances in an OpenStack cloud, made by its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from fjordkube.nodes import cloud
from fjordkube.nodes.openstack.machines import OpenstackMachines
from fjordkube.nodes.source import Machines, nodes_of
from fjordkube.settings.nodes.openstack import OpenstackNodes

if TYPE_CHECKING:
    from fjordkube.images import Images
    from fjordkube.settings import Stack


def check(settings: Stack, stack: str, programs: bool = True, preview: bool = False) -> None:  # noqa: ARG001
    """See components.nodes.source.Source.

    Credentials are not looked for: they may come from clouds.yaml, from OS_* or from the stack's configuration, and a
    preview by the stand-in needs none. The provider itself names what it misses.
    """
    cloud.check(nodes_of(settings, OpenstackNodes).ssh_key_file, programs, preview)


def provide(settings: Stack, images: Images, stack: str) -> Machines:  # noqa: ARG001 - host/ brings them
    """See components.nodes.source.Source."""
    check(settings, stack, preview=pulumi.runtime.is_dry_run())
    made = OpenstackMachines("nodes", cloud.seeded(nodes_of(settings, OpenstackNodes), settings, stack))
    return Machines(made.nodes, load_balancer=made.load_balancer)
