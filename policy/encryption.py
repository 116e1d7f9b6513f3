"""Rule `encrypted-disks`: disks are encrypted at rest where the provider offers it.

UpCloud offers it for every storage. An OpenStack volume is encrypted by its type, whose name says nothing of that, and
root disks by the cloud's own set-up: they cannot be judged from here, and are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policy.resource import Resource, Rule

SERVER: Final = "upcloud:index/server:Server"
STORAGE: Final = "upcloud:index/storage:Storage"


def plain_disks(resource: Resource) -> Iterator[str]:
    """Every disk of the resource that is not encrypted."""
    if resource.type == SERVER:
        template = resource.inputs.get("template")
        if template is not None and template.get("encrypt") is not True:
            yield "the root disk is not encrypted; set nodes.encrypt: true"
    elif resource.type == STORAGE and resource.inputs.get("encrypt") is not True:
        yield "the disk is not encrypted; set nodes.encrypt: true"


RULES: Final = (
    Rule("encrypted-disks", "Disks are encrypted where the provider offers it.", (SERVER, STORAGE), plain_disks),
)
