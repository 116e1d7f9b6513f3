"""Rule `protected-in-production`: servers and their data disks cannot be deleted by a slip.

The engine refuses to delete what has the option `protect`; in a stack file that is `nodes.protect: true`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fjordkube.providers.catalog import TYPES
from policy.resource import Resource, Rule

KEPT: Final = {token: known.kept for token, known in TYPES.items() if known.kept}
"""What must be protected, by type."""


def unprotected(resource: Resource) -> Iterator[str]:
    """Whether the resource can be deleted although it is production's."""
    if resource.production and resource.type in KEPT and not resource.protected:
        yield f"the {KEPT[resource.type]} is not protected; set nodes.protect: true"


RULES: Final = (
    Rule("protected-in-production", "Servers and disks of a production stack are protected.", KEPT, unprotected),
)
