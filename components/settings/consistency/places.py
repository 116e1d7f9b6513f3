"""Where things are, and who gets there: residency, administrators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fjordkube.settings import residency
from fjordkube.settings.consistency.finding import ADMINS, Finding, Path
from fjordkube.settings.data import Data
from fjordkube.settings.nodes import AnyNodes, LocalNodes
from fjordkube.settings.residency import Residency


def of_nodes(wanted: Residency, nodes: AnyNodes, data: Data, admins: Sequence[str]) -> Iterator[Finding]:
    """What holds between places and nodes."""
    yield from everything_is_where_residency_allows(wanted, nodes, data)
    yield from _somebody_may_enter(nodes, admins)


def everything_is_where_residency_allows(wanted: Residency, nodes: AnyNodes, data: Data) -> Iterator[Finding]:
    """Zones of nodes and declared places of data that `wanted` does not allow."""
    places: list[tuple[Path, str, str]] = [(("nodes", *at), who, zone) for at, who, zone in nodes.zones()]
    places += [(("data", *at), "data", zone) for at, zone in data.locations()]
    for path, provider, zone in places:
        problem = residency.refused(provider, zone, wanted)
        if problem:
            # an unknown zone is unknown whatever residency says
            fields: tuple[Path, ...] = (path, ("residency",)) if problem.placed else (path,)
            yield Finding(fields, problem.state, problem.fix)


def _somebody_may_enter(nodes: AnyNodes, admins: Sequence[str]) -> Iterator[Finding]:
    # whoever runs `up` on local machines comes by QEMU's user network, which is let in by itself
    if isinstance(nodes, LocalNodes) or admins:
        return
    state = "is empty, so that nobody could enter the nodes by SSH or reach the Kubernetes API"
    fix = (
        "write your own range, e.g. 203.0.113.0/24; 0.0.0.0/0 opens them to everybody, which the policy pack refuses "
        "in production"
    )
    yield Finding((ADMINS, ("nodes", "source")), state, fix)
