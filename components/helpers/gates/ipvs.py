"""Gate ipvs: the kernel's IPVS table on every node holds a Service, with the scheduler asked for and its endpoints.

Owns the decision and its figures. A kube-proxy that cannot load ip_vs falls back or ends, and Services still seem to
work from some nodes: only the table tells. What the tables should hold the API tells as it changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import session
from ..api import Api
from ..watched import Watched
from .ipvs_table import Entry, Key, table
from .service import wanted
from .targets import Target, asked, seconds, targets
from .waiting import NODE_SILENT, Promise, Unmet, until_kept

ANSWER_SECONDS = 90.0

FIX_PROXY = (
    "kubectl -n kube-system logs -l k8s-app=kube-proxy --prefix; on the node: 'lsmod' must show ip_vs and its scheduler"
)
FIX_SERVICE = (
    "see that its objects were applied and that its pods are ready: kubectl get service,endpointslices,pods -A"
)
FIX_SCHEDULER = (
    "kube-proxy reads its ConfigMap only at start: kubectl -n kube-system rollout restart daemonset kube-proxy"
)


def table_unmet(
    name: str, held: Mapping[Key, Entry] | None, expected: Mapping[Key, frozenset[str]], scheduler: str
) -> list[Unmet]:
    """What does not hold of a node's table; `held` is None before the node was asked."""
    if held is None:
        return [Unmet(f"{name}: not asked yet", NODE_SILENT)]
    found = []
    for key, servers in expected.items():
        entry = held.get(key)
        if entry is None:
            found.append(Unmet(f"{name}: {key} is not in its table of {len(held)} virtual services", FIX_PROXY))
        elif entry.scheduler != scheduler:
            found.append(Unmet(f"{name}: {key} has scheduler {entry.scheduler}, not {scheduler}", FIX_SCHEDULER))
        elif entry.servers != servers:
            found.append(Unmet(f"{name}: {key} leads to {_named(entry.servers)}, not to {_named(servers)}", FIX_PROXY))
    return found


def _named(servers: frozenset[str]) -> str:
    return ", ".join(sorted(servers)) or "nothing"


class Tables:
    """Every node's table, looked at until it holds what the API says now."""

    def __init__(
        self, every: Sequence[Target], ask: Mapping[str, Any], api: Api, slices: Watched, talk: session.Sessions
    ) -> None:
        """`api` is the connection of `slices`, and used before these are looked at."""
        self._every, self._api, self._slices, self._talk = every, api, slices, talk
        self._namespace, self._service, self._scheduler = ask["namespace"], ask["service"], ask["scheduler"]
        self._found: dict[str, Any] | None = None
        self.held: dict[str, dict[Key, Entry]] = {}
        self.expected: dict[Key, frozenset[str]] = {}

    def look(self) -> list[Unmet]:
        """What does not hold. Only nodes of which something did not are asked, once there are ready endpoints."""
        name = f"{self._namespace}/{self._service}"
        if self._found is None:
            path = f"/api/v1/namespaces/{quote(self._namespace)}/services/{quote(self._service)}"
            self._found = self._api.get(path)
        if self._found is None:
            return [Unmet(f"Service {name} is not there", FIX_SERVICE)]
        slices = self._slices.items()
        if any(entry.get("endpoints") for entry in slices):
            self._talk.greet(ANSWER_SECONDS)
        self.expected = wanted(self._found, slices)
        if not self.expected or not all(self.expected.values()):
            return [Unmet(f"Service {name} has no ready endpoints", FIX_SERVICE)]
        unmet = [target.name for target in self._every if self._unmet(target)]
        answers, silent = self._talk.ask(dict.fromkeys(unmet, "table"), ANSWER_SECONDS)
        self.held.update({name: table(answer) for name, answer in answers.items()})
        found: list[Unmet] = []
        for target in self._every:
            why = silent.get(target.name)
            found += [Unmet(f"{target.name}: {why}", NODE_SILENT)] if why else self._unmet(target)
        return found

    def _unmet(self, target: Target) -> list[Unmet]:
        return table_unmet(target.name, self.held.get(target.name), self.expected, self._scheduler)


def ipvs(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Waits until every node's table is right; its figures."""
    every, ask = targets(env), asked(env)
    service = f"{ask['namespace']}/{ask['service']}"
    needed = f"on every node {service} with scheduler {ask['scheduler']} and exactly its ready endpoints"
    label = quote(f"kubernetes.io/service-name={ask['service']}", safe="")
    path = f"/apis/discovery.k8s.io/v1/namespaces/{quote(ask['namespace'])}/endpointslices?labelSelector={label}"
    api = Api(env["FJORDKUBE_KUBECONFIG"], folder)
    talk = session.Sessions([target.access for target in every], folder, env["FJORDKUBE_SCRIPT"])
    with talk, Watched(api, path) as slices:
        tables = Tables(every, ask, api, slices, talk)
        waited = until_kept(Promise("ipvs", needed), seconds(env), tables.look, slices.rest)
    return {
        "nodes": len(every),
        "nodes_holding": len(tables.held),
        "service": service,
        "addresses": [str(key) for key in tables.expected],
        "scheduler": ask["scheduler"],
        "real_servers": len(set().union(*tables.expected.values())),
        "virtual_services": min(len(held) for held in tables.held.values()),
        "waited_seconds": waited,
    }
