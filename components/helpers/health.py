"""Verb health: asks every node of a living cluster at once how it is; what each said, or why it said nothing.

Owns how long a node may take. Leaves connections to survey/asking.py, and what the facts mean to components/health/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .ssh import Access
from .survey.asking import Answer, Patience, Problem, Question, ask

PATIENCE = Patience(connect=10, answer=90, attempts=1)
"""A healthy node answers in a second, an emulated one in some twenty; one attempt, because whoever asks is waiting."""


def health(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """By node, `facts` with when they were asked for and told, or `silent`."""
    listed = json.loads(env["FJORDKUBE_NODES"])
    nodes = [Access.from_entry(entry, listed["keys"]) for entry in listed["nodes"]]
    found = ask([Question(node, {}) for node in nodes], env["FJORDKUBE_SCRIPT"], folder, PATIENCE)
    return {"nodes": {name: _told(answer) for name, answer in found.items()}}


def _told(answer: Answer | Problem) -> dict[str, Any]:
    if isinstance(answer, Problem):
        return {"silent": answer.state}
    return {"facts": answer.facts, "begun": answer.begun, "ended": answer.ended}
