"""What does not go together: a finding, and the names of the fields that several checks read.

Owns the shape of findings and the error that carries them. A finding names all fields that it read, so that
`settings/loading.py` can drop one that rests on a field whose value was already refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fjordkube.settings.nodes import AnyNodes, NodeSettings

Path = tuple[str | int, ...]
"""Where a field is, e.g. ("nodes", "workers", 0, "name")."""

MOST_TOLD: Final = 30
"""Findings that an error's text has; its `findings` are all of them."""

PRIVATE: Final[Path] = ("nodes", "private_cidr")
SERVICES: Final[Path] = ("kubernetes", "service_cidr")
PODS: Final[Path] = ("network", "pod_cidr")
CONTROL_PLANES: Final[Path] = ("nodes", "control_planes")
WORKERS: Final[Path] = ("nodes", "workers")
POOLS: Final[Path] = ("nodes", "pools")
ADMINS: Final[Path] = ("firewall", "admin_cidrs")


@dataclass(frozen=True)
class Finding:
    """Fields that do not go together."""

    fields: tuple[Path, ...]
    """Every field that was read; the first is the one to change."""
    state: str
    """What is wrong, with numbers."""
    fix: str
    """What to write instead."""


class Inconsistent(ValueError):
    """The fields of a stack contradict each other; carries every finding."""

    def __init__(self, found: Sequence[Finding]) -> None:
        self.findings = tuple(found)
        lines = [f"{dotted(f.fields[0])}: {f.state}; {f.fix}" for f in found[:MOST_TOLD]]
        more = [f"and {len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else []
        super().__init__("; ".join([*lines, *more]))


def dotted(path: Path) -> str:
    """The field as text, e.g. nodes.workers.0.name."""
    return ".".join(str(part) for part in path)


def placed(nodes: AnyNodes) -> Iterator[tuple[Path, NodeSettings]]:
    """Every node with its place in the file; a pool's members share the pool's."""
    for place, node in nodes.placed():
        yield ("nodes", *place), node


def field_of(path: Path, name: str) -> Path:
    """A node's field; of a pool's member, the pool's field that it follows from."""
    pooled = path[: len(POOLS)] == POOLS
    return (*path, {"address": "first_address"}.get(name, name) if pooled else name)
