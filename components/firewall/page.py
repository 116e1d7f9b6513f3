"""The table in docs/firewall.md, between two marks.

Owns the table's form. Leaves the words around it to the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from fjordkube.firewall.policy import FirewallPolicy
from fjordkube.firewall.table import EVERY_ROLE, Rule, table

FILE: Final = Path(__file__).resolve().parents[2] / "docs" / "firewall.md"
"""The checked-in copy."""

BEGIN: Final = "<!-- Written by `python -m fjordkube.firewall --write`; change components/firewall/table.py. -->"
END: Final = "<!-- end -->"

NODES: Final = {"control-plane": "control planes", "worker": "workers"}


def text() -> str:
    """The tables: the default stack's, then what other settings add."""
    plain = table(_policy())
    parts = [
        "To a node:",
        _table(rule for rule in plain if rule.to == "node"),
        "With `network.encapsulation: vxlan-cross-subnet` or `vxlan` also:",
        _table(rule for rule in table(_policy(encapsulated=True)) if rule not in plain),
        "Not to a node's own ports:",
        _table(rule for rule in plain if rule.to != "node"),
    ]
    return "\n\n".join(parts) + "\n"


def page() -> str:
    """The whole page with the table as it is now. ValueError when a mark is missing."""
    before, begin, rest = FILE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{FILE}: one of the marks {BEGIN} and {END} is missing; put it back")
    return f"{before}{BEGIN}\n\n{text()}\n{END}{after}"


def _policy(encapsulated: bool = False) -> FirewallPolicy:
    # networks do not stand on the page
    return FirewallPolicy((), "", "", encapsulated=encapsulated)


def _table(rules: Iterator[Rule]) -> str:
    head = ["| Port | On | From | Why |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *(f"| {' | '.join(_cells(rule))} |" for rule in rules)])


def _cells(rule: Rule) -> Sequence[str]:
    protocol = "any" if rule.protocol == "any" else rule.protocol.upper()
    nodes = "every node" if rule.roles == EVERY_ROLE else ", ".join(NODES[role] for role in rule.roles)
    if rule.to != "node":
        nodes = f"{rule.to} through {nodes}"
    return [f"{protocol} {rule.port_text}".strip(), nodes, ", ".join(rule.sources), rule.reason]
