"""Writing objects: create, update, delete, each against the live object.

Owns the requests and what to do when an object, its kind or its namespace is or is not there yet. Leaves waiting for
readiness to `waiting.py` and the state to `checkpoint.py`.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..differences import parse_path
from . import objects, ownership
from .cluster import PATIENCE, PREVIEW_PATIENCE, ApiError, Cancelled, Cluster
from .configuration import Configuration
from .discovery import Discovery, Kind, NoMatch
from .objects import Object

T = TypeVar("T")

APPEARANCE = 60.0
"""Seconds that a namespace or a custom kind made in the same run may take to be served."""
APPEARANCE_POLL = 1.0
APPLY = "application/apply-patch+yaml"
"""JSON is YAML, so the body is JSON."""


class AlreadyExists(Exception):
    """Another object of that name is there, which this stack did not make."""


class Writer:
    """Writes objects to one cluster."""

    def __init__(self, cluster: Cluster, discovery: Discovery, configuration: Configuration) -> None:
        self._cluster, self._discovery, self._configuration = cluster, discovery, configuration

    def create(self, inputs: Object, manager: str, *, preview: bool) -> Object:
        """Make the object and return it live. Raises AlreadyExists, Conflict, ApiError, NoMatch, Unreachable."""

        def attempt() -> Object:
            kind = self._find(inputs, preview)
            if self._configuration.upsert:
                return self._apply(kind, inputs, inputs, manager, force=self._forced(inputs), preview=preview)
            return self._post(kind, inputs, preview)

        if preview:
            return attempt()
        return self._when_it_appears(attempt)

    def update(self, inputs: Object, old: Object, manager: str, ignore: Sequence[str], *, preview: bool) -> Object:
        """Change the object named as `old` to what the inputs say, and return it live."""
        kind = self._find(inputs, preview)
        path = kind.path(objects.namespace(old), objects.name(old))
        patience = PREVIEW_PATIENCE if preview else PATIENCE
        live = self._cluster.get(path, patience=patience)
        if objects.is_crd(inputs):
            # A definition is replaced as a whole: fields left out must go, whoever owned them.
            body = copy.deepcopy(inputs)
            body.setdefault("metadata", {})["resourceVersion"] = live["metadata"]["resourceVersion"]
            query = {"fieldManager": manager, **_dry(preview)}
            answer: Object = self._cluster.request("PUT", path, body, query=query, patience=patience)
            return answer
        forced = self._forced(inputs) or not objects.metadata(live).get("managedFields")
        if not preview and (fields := ownership.adopted(live, manager)) is not None:
            patch = [
                {"op": "replace", "path": "/metadata/managedFields", "value": fields},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
            ]
            self._cluster.request("PATCH", path, patch, content_type="application/json-patch+json")
        elif preview:
            forced = forced or ownership.adopted(live, manager) is not None
        body = _with_live(inputs, live, ignore)
        return self._apply(kind, body, old, manager, force=forced, preview=preview)

    def relinquish(self, obj: Object, manager: str) -> None:
        """Give up every field that `manager` owns: the object changed hands within the stack."""
        kind = self._find(obj, False)
        identity = {key: obj["metadata"][key] for key in ("name", "namespace") if key in obj["metadata"]}
        bare: Object = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": identity}
        self._apply(kind, bare, bare, manager, force=False, preview=False)

    def read(self, obj: Object, *, patience: float = PATIENCE) -> Object | None:
        """The live object, or None if it, or its whole kind, is gone."""
        try:
            kind = self._discovery.find(obj["apiVersion"], obj["kind"], patience=patience)
            return self._cluster.get(kind.path(objects.namespace(obj), objects.name(obj)), patience=patience)
        except NoMatch:
            return None
        except ApiError as error:
            if error.not_found:
                return None
            raise

    def delete(self, obj: Object, propagation: str) -> bool:
        """Ask for the object's deletion; False if it, or its whole kind, is gone already."""
        try:
            kind = self._discovery.find(obj["apiVersion"], obj["kind"])
            path = kind.path(objects.namespace(obj), objects.name(obj))
            self._cluster.request("DELETE", path, {"propagationPolicy": propagation})
            return True
        except NoMatch:
            return False
        except ApiError as error:
            if error.not_found:
                return False
            raise

    def _forced(self, inputs: Object) -> bool:
        return self._configuration.patch_force or objects.is_true(inputs, objects.PATCH_FORCE)

    def _find(self, obj: Object, preview: bool) -> Kind:
        patience = PREVIEW_PATIENCE if preview else PATIENCE
        return self._discovery.find(str(obj.get("apiVersion")), str(obj.get("kind")), patience=patience)

    def _post(self, kind: Kind, inputs: Object, preview: bool) -> Object:
        query = {"fieldManager": ownership.CREATOR, **_dry(preview)}
        path = kind.collection(objects.namespace(inputs))
        patience = PREVIEW_PATIENCE if preview else PATIENCE
        try:
            answer: Object = self._cluster.request("POST", path, _placed(inputs, kind), query=query, patience=patience)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            if error.ambiguous and (mine := self.read(inputs)) is not None and ownership.made_since(mine, error):
                return mine
            raise AlreadyExists(
                f"{objects.title(inputs)} is in the cluster already and is not this stack's. Import it "
                "(pulumi import), delete it, or set upsert_existing_objects on the Provider to take it over"
            ) from error
        return answer

    def _apply(self, kind: Kind, body: Object, target: Object, manager: str, *, force: bool, preview: bool) -> Object:
        query = {"fieldManager": manager, "force": str(force).lower(), **_dry(preview)}
        path = kind.path(objects.namespace(target), objects.name(target))
        patience = PREVIEW_PATIENCE if preview else PATIENCE
        try:
            answer: Object = self._cluster.request(
                "PATCH", path, _placed(body, kind), query=query, content_type=APPLY, patience=patience
            )
        except ApiError as error:
            if error.code == 409 and error.details.get("causes"):
                raise ownership.conflict(body, manager, error) from error
            raise
        return answer

    def _when_it_appears(self, attempt: Callable[[], T]) -> T:
        """Try until the kind and the namespace that the object needs are served."""
        deadline = time.monotonic() + APPEARANCE
        while True:
            try:
                return attempt()
            except (NoMatch, ApiError) as error:
                missing = isinstance(error, NoMatch) or error.not_found
                if not missing or time.monotonic() > deadline:
                    raise
            if self._cluster.cancelled.wait(APPEARANCE_POLL):
                raise Cancelled("cancelled")
            self._discovery.forget()


def _dry(preview: bool) -> dict[str, str]:
    return {"dryRun": "All"} if preview else {}


def _placed(obj: Object, kind: Kind) -> Object:
    """The object without a namespace if its kind has none (a default one may have been added before that was known)."""
    if kind.namespaced or not objects.namespace(obj):
        return obj
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "namespace"}}


def _with_live(inputs: Object, live: Object, ignore: Sequence[str]) -> Object:
    """The inputs with the live values at ignored paths, so that applying them changes and takes over nothing."""
    result: Any = copy.deepcopy(inputs)
    for text in ignore:
        *parents, last = parse_path(text)
        there, here = live, result
        try:
            for step in parents:
                there, here = there[step], here[step]  # type: ignore[index]
            here[last] = there[last]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            continue
    changed: Object = result
    return changed
