"""What of a plan needs its own word: the end of a control plane, of etcd's disk, of every worker.

Owns the judgement, a pure function over what the engine's event log says of each resource. It knows the names that
`components/` gives: a node NAME has the component `<cluster>-NAME`, the machine `nodes-NAME` (`-disk` on this computer,
`-etcd` for etcd's disk) and, on a host that existed before, `<cluster>-NAME-host-release`, whose end resets the host.
Leaves asking to consent.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MACHINES = "nodes-"
"""Start of a machine's name (`nodes/source.py`)."""

CONTROL_PLANE, WORKER = "fjordkube:bootstrap:ControlPlane", "fjordkube:bootstrap:Worker"

_ENDS = {
    "delete": "deleted",
    "delete-replaced": "replaced",
    "replace": "replaced",
    "create-replacement": "replaced",
    "import-replacement": "replaced",
}


@dataclass(frozen=True)
class Step:
    """What is to be done with one resource."""

    operation: str
    """As the engine calls it, e.g. create, same, delete-replaced."""
    kind: str
    """Type token."""
    name: str
    parent: str = ""
    """Name of the parent."""


def dangers(plan: Iterable[Step]) -> dict[str, list[str]]:
    """Reasons by the word that allows them; empty when no word is needed."""
    steps = list(plan)
    found: dict[str, list[str]] = {"control-plane": [], "etcd-data": [], "all-workers": []}
    planes, workers = _nodes(steps, CONTROL_PLANE), _nodes(steps, WORKER)
    for node in planes:
        found["control-plane"] += [f"{node}: {reason}" for reason in _ends(steps, planes[node], node)]
    for step in steps:
        if step.name.startswith(MACHINES) and step.name.endswith("-etcd") and step.operation in _ENDS:
            node = step.name.removeprefix(MACHINES)
            if node in planes or node in workers:
                continue  # a node that is called so
            reason = f"{node.removesuffix('-etcd')}: {step.name} is {_ENDS[step.operation]}, with etcd's data on it"
            found["etcd-data"] += [reason]
    # one that is only to be made cannot be lost
    old = {node: names for node, names in workers.items() if not _is_new(steps, WORKER, names)}
    if old and all(_ends(steps, names, node) for node, names in old.items()):
        found["all-workers"] = [f"{', '.join(sorted(old))}: no worker stays as it is"]
    return {word: list(dict.fromkeys(reasons)) for word, reasons in found.items() if reasons}


def _nodes(steps: list[Step], kind: str) -> dict[str, set[str]]:
    """Names of a role's components by node; two where the cluster gets another name."""
    nodes: dict[str, set[str]] = {}
    for step in steps:
        if step.kind == kind:
            nodes.setdefault(step.name.removeprefix(f"{step.parent}-"), set()).add(step.name)
    return nodes


def _is_new(steps: list[Step], kind: str, names: set[str]) -> bool:
    return all(step.operation == "create" for step in steps if step.kind == kind and step.name in names)


def _ends(steps: list[Step], components: set[str], node: str) -> list[str]:
    """What ends of one node: its machine, its host as ours, its membership."""
    machines = {f"{MACHINES}{node}", f"{MACHINES}{node}-disk"}
    releases = {f"{name}-host-release" for name in components}
    members = {f"{name}-{step}" for name in components for step in ("member", "joined")}
    found = []
    for step in steps:
        if step.operation not in _ENDS:
            continue
        how = _ENDS[step.operation]
        if step.name in machines:
            found.append(f"its machine {step.name} is {how}")
        elif step.name in releases:
            found.append(f"its host is given back and reset ({step.name} is {how})")
        elif step.name in members or step.name in components:
            found.append(f"its membership {step.name} is {how}")
    return found
