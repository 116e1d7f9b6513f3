"""Source `upcloud`: servers at UpCloud, made by its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from fjordkube.nodes import cloud
from fjordkube.nodes.source import Machines, nodes_of
from fjordkube.nodes.upcloud.machines import UpcloudMachines
from fjordkube.settings.nodes.upcloud import UpcloudNodes

if TYPE_CHECKING:
    from fjordkube.images import Images
    from fjordkube.settings import Stack


def check(settings: Stack, stack: str, programs: bool = True, preview: bool = False) -> None:  # noqa: ARG001
    """See components.nodes.source.Source.

    Credentials are not looked for: they may come from the environment, from the stack's configuration or from a
    keyring, and a preview by the stand-in needs none. The provider itself names what it misses.
    """
    cloud.check(nodes_of(settings, UpcloudNodes).ssh_key_file, programs, preview)


def provide(settings: Stack, images: Images, stack: str) -> Machines:  # noqa: ARG001 - host/ brings them
    """See components.nodes.source.Source."""
    check(settings, stack, preview=pulumi.runtime.is_dry_run())
    made = UpcloudMachines("nodes", cloud.seeded(nodes_of(settings, UpcloudNodes), settings, stack))
    return Machines(made.nodes, load_balancer=made.load_balancer)
