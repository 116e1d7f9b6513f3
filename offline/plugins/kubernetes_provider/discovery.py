"""Where a kind lives in the API: its path, and whether it has namespaces.

Owns a small lazy discovery, one request per group and version, never the OpenAPI document (dear on an emulated
server). Leaves requests to `cluster.py`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from urllib.parse import quote

from .cluster import PATIENCE, ApiError, Cluster


class NoMatch(Exception):
    """The API server has no such kind; perhaps its definition is not there yet."""


@dataclass(frozen=True)
class Kind:
    """A kind that the server knows."""

    group_version: str
    plural: str
    namespaced: bool

    def collection(self, namespace: str = "") -> str:
        """The path of the kind's objects, in the namespace if it has namespaces."""
        root = "/api/v1" if self.group_version == "v1" else f"/apis/{self.group_version}"
        inside = f"/namespaces/{quote(namespace or 'default')}" if self.namespaced else ""
        return f"{root}{inside}/{self.plural}"

    def path(self, namespace: str, name: str) -> str:
        """The path of one object."""
        return f"{self.collection(namespace)}/{quote(name)}"


class Discovery:
    """Kinds by apiVersion and kind, remembered until told to forget."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, dict[str, Kind]] = {}
        self._lock = threading.Lock()

    def find(self, api_version: str, kind: str, *, patience: float = PATIENCE) -> Kind:
        """The kind; asks the server again for one that was not there before. Raises NoMatch."""
        with self._lock:
            found = self._known.get(api_version, {}).get(kind)
        if found is None:
            kinds = self._ask(api_version, patience)
            with self._lock:
                self._known[api_version] = kinds
            found = kinds.get(kind)
        if found is None:
            raise NoMatch(f"the API server knows no kind {kind} in {api_version}")
        return found

    def forget(self) -> None:
        """Ask anew from now on: a CustomResourceDefinition has come, changed or gone."""
        with self._lock:
            self._known.clear()

    def _ask(self, api_version: str, patience: float) -> dict[str, Kind]:
        path = "/api/v1" if api_version == "v1" else f"/apis/{api_version}"
        try:
            listing = self._cluster.get(path, patience=patience)
        except ApiError as error:
            if error.not_found:
                raise NoMatch(f"the API server knows no {api_version}") from error
            raise
        return {
            entry["kind"]: Kind(api_version, entry["name"], bool(entry["namespaced"]))
            for entry in listing.get("resources") or []
            if "/" not in entry["name"]
        }
