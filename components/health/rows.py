"""One thing that was looked at, as a row of a table: state, figure and what to do; and many nodes' rows as few.

Owns the shape and the merging. Leaves verdicts to the modules beside it, and printing to `commands/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

State = Literal["ok", "note", "soon", "now"]
"""note: worth knowing, nothing to do within days. soon: needs hands within days. now: does not work, or is about to."""

STATES: Final[Sequence[State]] = ("ok", "note", "soon", "now")

NAMED: Final = 4
"""Nodes that a row names; of more, it says how many."""


@dataclass(frozen=True)
class Row:
    """What is said of one thing."""

    thing: str
    """E.g. etcd."""
    node: str
    """Empty: of the cluster as a whole."""
    state: State
    figure: str
    fix: str = ""
    rank: float | None = None
    """Figures of nodes that are well differ without a meaning: of those with a rank, the lowest stands for all."""


def worst(rows: Iterable[Row]) -> State:
    """The state of the worst row."""
    return max((row.state for row in rows), key=STATES.index, default="ok")


def merged(rows: Sequence[Row], nodes: Sequence[str]) -> list[Row]:
    """What is the same of several nodes in one row, things in the order in which they came. `nodes`: all there are."""
    things = dict.fromkeys(row.thing for row in rows)
    return [found for thing in things for found in _merged([row for row in rows if row.thing == thing], nodes)]


def _merged(rows: Sequence[Row], nodes: Sequence[str]) -> list[Row]:
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        ranked = row.state == "ok" and row.rank is not None
        groups.setdefault((row.state,) if ranked else (row.state, row.figure, row.fix), []).append(row)
    return [_one(group, nodes) for group in groups.values()]


def _one(group: Sequence[Row], nodes: Sequence[str]) -> Row:
    least = min(group, key=lambda row: 0.0 if row.rank is None else row.rank)
    differ = len({row.figure for row in group}) > 1
    figure = f"{least.figure} at worst ({least.node})" if differ else least.figure
    return replace(least, node=_names([row.node for row in group if row.node], nodes), figure=figure)


def _names(found: Sequence[str], nodes: Sequence[str]) -> str:
    names = list(dict.fromkeys(found))
    if len(names) > 1 and set(names) == set(nodes):
        return "all"
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
