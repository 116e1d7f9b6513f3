"""Rule `encrypted-disks`: disks are encrypted at rest where the provider offers it.

UpCloud offers it for every storage. An OpenStack volume is encrypted by its type, whose name says nothing of that, and
root disks by the cloud's own set-up: they cannot be judged from here, and are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fjordkube.providers.catalog import TYPES
from policy.resource import Resource, Rule

ENCRYPTED: Final = {token: known.encrypt for token, known in TYPES.items() if known.encrypt}
"""Where encryption is asked for, by type."""


def plain_disks(resource: Resource) -> Iterator[str]:
    """Every disk of the resource that is not encrypted."""
    if resource.type not in ENCRYPTED:
        return
    *within, field = ENCRYPTED[resource.type]
    disk: Any = resource.inputs
    for part in within:
        disk = disk.get(part)
        if disk is None:
            return
    if disk.get(field) is not True:
        yield f"the {'root ' if within else ''}disk is not encrypted; set nodes.encrypt: true"


RULES: Final = (Rule("encrypted-disks", "Disks are encrypted where the provider offers it.", ENCRYPTED, plain_disks),)
