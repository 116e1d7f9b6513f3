"""A node's labels and taints as the settings have them, kept through the API.

Owns what is ours and what is not: two annotations on the Node remember which labels and taints this program has set, so
that one which was taken out of the settings is taken off the node, and whatever somebody else has put there stays.
Leaves the first taints of a new node to kubeadm (with them the kubelet registers it: no pod can slip in before).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..api import Api
from ..errors import HelperError
from ..log import log

OUR_LABELS = "fjordkube.io/labels"
"""Annotation: names of the labels that are ours, a JSON list."""

OUR_TAINTS = "fjordkube.io/taints"
"""Annotation: our taints as key:effect, a JSON list."""

ATTEMPTS = 10
"""A taint list is written whole, so a write in between (the node's own controllers taint too) means reading again."""

PAUSE = 0.5
"""Seconds before that."""

CONFLICT = 409

Taint = dict[str, Any]


def reconcile(
    api: Api, node: str, labels: Mapping[str, str], taints: Sequence[str], annotations: Mapping[str, str]
) -> None:
    """Makes labels and taints of `node` what is asked, adds `annotations`; one write, and none where all is so.

    One, because calico-node starts in the seconds after a node registers and gives up when it meets another's write.
    Taints as kubectl writes them, e.g. dedicated=web:NoSchedule. HelperError when the API refuses, or keeps changing.
    """
    path = f"/api/v1/nodes/{quote(node)}"
    wanted = [parsed(taint) for taint in taints]
    for _ in range(ATTEMPTS):
        found = api.get(path)
        if found is None:
            raise HelperError(f"{node}: the API knows no node of this name (any more); run 'up' again")
        body = patch(found, labels, wanted, annotations)
        if not body:
            return
        code, answer = api.request("PATCH", path, body)
        if code == 200:
            return
        if code != CONFLICT:
            raise HelperError(f"the API answers {code} to labels and taints of {path}: {answer.get('message', '')}")
        time.sleep(PAUSE)
    raise HelperError(f"{node}: its taints were changed by somebody else {ATTEMPTS} times in a row; run 'up' again")


def patch(
    found: Mapping[str, Any], labels: Mapping[str, str], taints: Sequence[Taint], annotations: Mapping[str, str]
) -> dict[str, Any]:
    """The merge patch that makes a Node what is asked; empty where it is so already. A null takes a key away."""
    metadata, spec = found.get("metadata") or {}, found.get("spec") or {}
    has_labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
    has_taints: list[Taint] = spec.get("taints") or []

    gone = [name for name in remembered(notes, OUR_LABELS) if name not in labels and name in has_labels]
    new_labels = {name: value for name, value in labels.items() if has_labels.get(name) != value}
    changed_labels: dict[str, str | None] = {**new_labels, **dict.fromkeys(gone)}

    ours = {identity(taint) for taint in taints} | set(remembered(notes, OUR_TAINTS))
    kept = [taint for taint in has_taints if identity(taint) not in ours]
    standing = [taint for taint in has_taints if any(same(taint, wanted) for wanted in taints)]
    missing = [wanted for wanted in taints if not any(same(taint, wanted) for taint in standing)]
    retaint = bool(missing) or len(kept) + len(standing) != len(has_taints)

    # A node that never had any is not written to for the sake of two empty lists.
    memory = {OUR_LABELS: sorted(labels), OUR_TAINTS: sorted(identity(taint) for taint in taints)}
    written = {key: json.dumps(value) for key, value in memory.items() if value or key in notes}
    new_notes = {key: value for key, value in {**annotations, **written}.items() if notes.get(key) != value}

    meta: dict[str, Any] = {}
    if new_notes:
        meta["annotations"] = new_notes
    if changed_labels:
        meta["labels"] = changed_labels
    if retaint:  # only a whole list needs a node that nobody has changed since
        meta["resourceVersion"] = metadata.get("resourceVersion")
    body: dict[str, Any] = {"metadata": meta} if meta else {}
    if retaint:
        body["spec"] = {"taints": [*kept, *standing, *missing]}
    return body


def parsed(text: str) -> Taint:
    """A taint as the API has it, e.g. dedicated=web:NoSchedule -> key dedicated, value web, effect NoSchedule."""
    named, _, effect = text.rpartition(":")
    key, _, value = named.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def identity(taint: Taint) -> str:
    """What the API tells taints apart by, e.g. dedicated:NoSchedule."""
    return f"{taint.get('key')}:{taint.get('effect')}"


def same(taint: Taint, other: Taint) -> bool:
    return identity(taint) == identity(other) and (taint.get("value") or "") == (other.get("value") or "")


def remembered(notes: Mapping[str, str], key: str) -> list[str]:
    """The names under an annotation of ours; none where somebody has spoilt it, which is said."""
    try:
        names = json.loads(notes.get(key, "[]"))
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        log(f"annotation {key} is not ours any more; what was set before is left on the node")
        return []
    return names
