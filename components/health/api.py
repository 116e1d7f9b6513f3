"""What the API tells of nodes and of the pods that a cluster stands on, from its tables (meta.k8s.io/v1 Table).

Owns reading tables, and the rows API, nodes and pods. The columns are those that kubectl prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fjordkube.health.rows import Row, State
from fjordkube.health.seen import Seen, read
from fjordkube.helpers.survey.asking import Answer

Table = Sequence[Mapping[str, Any]]
"""Cells by the name of their column, one mapping a row."""

NAMESPACES: Final = ("kube-system", "calico-system", "ingress-nginx")
"""Whose pods everything else stands on."""

YOUNG: Final = 300
"""Seconds in which a pod may still be starting."""

RECENT: Final = 3600
"""Seconds in which a restart is told."""

OFTEN: Final = 5
"""Restarts of a pod from which on a recent one is no accident."""

LOGS: Final = "there: crictl ps -a, and crictl logs of kube-apiserver"


def table(text: str) -> Table | None:
    """None where the text is no table, e.g. a refusal."""
    found = read(text)
    if found.get("kind") != "Table":
        return None
    names = [column["name"] for column in found.get("columnDefinitions") or ()]
    return [dict(zip(names, row["cells"], strict=False)) for row in found.get("rows") or ()]


def members(seen: Seen) -> Table | None:
    """Nodes as the first API server that answers tells them; None where none does."""
    return next((found for each in seen.nodes.values() if (found := table(each.one("api_nodes"))) is not None), None)


def rows(seen: Seen) -> Iterator[Row]:
    """Of every control plane's API server, of nodes and of pods."""
    for name, answer in seen.nodes.items():
        yield from _server(name, answer)
    nodes = members(seen)
    if nodes is None:
        yield Row("nodes", "", "now", "no API server tells them", "the rows API and etcd tell why")
        return
    yield from _members(nodes, seen.names)
    for namespace in NAMESPACES:
        said = (table(answer.one(f"api_pods/{namespace}")) for answer in seen.nodes.values())
        pods = next((found for found in said if found is not None), None)
        if pods is None:
            yield Row("pods", "", "soon", f"those of {namespace} are not told", LOGS)
        elif pods:
            yield from _pods(namespace, pods)


def runs(seen: Seen, namespace: str) -> bool:
    """Whether there are pods in the namespace."""
    return any(table(answer.one(f"api_pods/{namespace}")) for answer in seen.nodes.values())


def _server(name: str, answer: Answer) -> Iterator[Row]:
    silent, said = answer.one("api_ready_silent"), answer.one("api_ready")
    if silent:
        yield Row("API", name, "now", f"does not answer ({silent})", LOGS)
    elif said and said != "ok":
        failed = re.findall(r"\[-\](\S+)", said)
        yield Row("API", name, "now", f"is not ready ({', '.join(failed) or said[:200]})", LOGS)
    elif said:
        yield Row("API", name, "ok", "ready")


def _members(nodes: Table, names: Sequence[str]) -> Iterator[Row]:
    there = {str(node["Name"]): str(node["Status"]).split(",") for node in nodes}
    ready = 0
    for name in names:
        if name not in there:
            yield Row("nodes", name, "now", "is no member of the cluster", "make up goes on with it")
        elif "Ready" not in there[name]:
            fix = f"kubectl describe node {name}; there: journalctl -u kubelet"
            yield Row("nodes", name, "now", ", ".join(there[name]), fix)
        else:
            ready += 1
            if "SchedulingDisabled" in there[name]:
                yield Row("nodes", name, "note", "takes no new pods", f"kubectl uncordon {name}, when it may again")
    for name in there.keys() - set(names):
        fix = f"if its machine is gone: kubectl delete node {name}"
        yield Row("nodes", name, "note", "is in the cluster, and not in this stack", fix)
    if ready == len(names):
        yield Row("nodes", "", "ok", f"{ready} of {len(names)} Ready")


def _pods(namespace: str, pods: Table) -> Iterator[Row]:
    well = 0
    for pod in pods:
        name, status = str(pod["Name"]), str(pod["Status"])
        node = str(pod.get("Node") or "")
        count, _, since = str(pod["Restarts"]).partition(" ")
        ready, _, all_of_it = str(pod["Ready"]).partition("/")
        ago = seconds(since.strip("()").removesuffix(" ago")) if since else None
        describe = f"kubectl -n {namespace} describe pod {name}"
        if status not in ("Completed", "Succeeded") and (status != "Running" or ready != all_of_it):
            state: State = "note" if seconds(str(pod["Age"])) < YOUNG or status == "Terminating" else "now"
            figure = f"{name} is {status}, {pod['Ready']} ready, {count} restarts"
            yield Row("pods", _named(node), state, figure, describe)
        elif ago is not None and ago < RECENT and count.isdigit():
            state = "soon" if int(count) >= OFTEN else "note"
            figure = f"{name} was restarted {count} times, the last {ago / 60:.0f} min ago"
            yield Row("pods", _named(node), state, figure, f"{describe}; kubectl -n {namespace} logs {name} --previous")
        else:
            well += 1
    if well:
        yield Row("pods", "", "ok", f"{namespace}: {well} of {len(pods)} as they should be")


def _named(node: str) -> str:
    return "" if node == "<none>" else node


def seconds(age: str) -> int:
    """An age as kubectl prints it, e.g. 3d4h or 5m30s; 0 for one that it does not know."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smhdy])", age))
