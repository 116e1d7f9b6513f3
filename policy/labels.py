"""Rule `stack-label`: a server says which stack it belongs to, in the provider's own lists.

Whoever finds a server on a bill or in a console can then tell whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fjordkube.providers.catalog import TYPES
from policy.resource import Resource, Rule

LABEL: Final = "fjordkube-stack"
LABELLED: Final = {token: known.labels for token, known in TYPES.items() if known.labels}
"""The input that holds labels, by type."""


def unlabelled(resource: Resource) -> Iterator[str]:
    """Whether the server does not name its stack."""
    if resource.type not in LABELLED:
        return
    field = LABELLED[resource.type]
    found: Any = (resource.inputs.get(field) or {}).get(LABEL)
    if found != resource.stack:
        state = f"{field} have no {LABEL}" if not found else f"{LABEL} is {found}"
        yield f"{state}; set it to {resource.stack}"


RULES: Final = (Rule("stack-label", "Servers are labelled with their stack.", LABELLED, unlabelled),)
