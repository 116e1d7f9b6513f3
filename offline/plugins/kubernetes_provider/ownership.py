"""Whose an object is, and each of its fields: field managers, their conflicts, taking over from client-side apply.

Owns reading `managedFields` and the words of a conflict. Leaves the requests to `apply.py`.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from . import objects
from .cluster import ApiError
from .objects import Object

CREATOR = "pulumi-kubernetes"
"""Field manager of objects made by POST, taken over at the first update (as pulumi-kubernetes does)."""
TAKEN_OVER = {
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    (CREATOR, "Update"),
    ("pulumi-resource-kubernetes", "Update"),
}


SLACK = 3.0
"""Seconds: a creation time is told in whole ones, and two API servers' clocks may differ a little."""


class Conflict(Exception):
    """Server-side apply would take fields from another manager."""


def new_manager() -> str:
    """A field manager of one object, kept in its state."""
    return f"{CREATOR}-{secrets.token_hex(4)}"


def made_since(live: Object, error: ApiError) -> bool:
    """Whether the object that is in the way was made by an earlier try of the request that failed with `error`.

    Then it is younger than the first try, by the server's clock, and made by this provider's kind of client.
    """
    if not any(entry.get("manager") == CREATOR for entry in objects.metadata(live).get("managedFields") or []):
        return False
    try:
        now = parsedate_to_datetime(error.date)
        made = datetime.fromisoformat(str(objects.metadata(live).get("creationTimestamp")))
    except ValueError:
        return False
    return (now.replace(tzinfo=now.tzinfo or UTC) - made).total_seconds() <= error.since + SLACK


def conflict(obj: Mapping[str, Any], manager: str, error: ApiError) -> Conflict:
    """The server's conflict in words: who owns what, and the two ways out."""
    causes = error.details.get("causes") or []
    owned = "; ".join(f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in causes) or str(error)
    return Conflict(
        f"{objects.title(obj)}: server-side apply field conflict: {owned}. "
        f'Leave these fields to their manager, or set the annotation {objects.PATCH_FORCE}: "true" to take them over '
        f"(this resource's field manager is {manager!r})"
    )


def adopted(live: Object, manager: str) -> list[Any] | None:
    """`managedFields` in which `manager` owns what client-side tools owned; None if there is nothing to change."""
    entries: list[Any] = objects.metadata(live).get("managedFields") or []
    theirs = [entry for entry in entries if _key(entry) in TAKEN_OVER and not entry.get("subresource")]
    if not theirs:
        return None
    rest = [entry for entry in entries if entry not in theirs]
    ours = next((entry for entry in rest if _key(entry) == (manager, "Apply")), None)
    if ours is None:
        ours = {**copy.deepcopy(theirs[0]), "manager": manager, "operation": "Apply"}
        rest.append(ours)
    for entry in theirs:
        ours["fieldsV1"] = _union(ours.get("fieldsV1") or {}, entry.get("fieldsV1") or {})
    return rest


def _key(entry: Mapping[str, Any]) -> tuple[str, str]:
    return str(entry.get("manager")), str(entry.get("operation"))


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(one)
    for key, value in other.items():
        result[key] = _union(result.get(key, {}), value)
    return result
