"""Verb health: asks every node of a living cluster at once how it is; what each said, or why it said nothing.

Owns how long a node may take. Leaves connections to survey/asking.py, and what the facts mean to components/health/.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .ssh import listed
from .survey.asking import Answer, Patience, Problem, Question, ask

PATIENCE = Patience(connect=10, answer=90, attempts=1)
"""A healthy node answers in a second, an emulated one in some twenty; one attempt, because whoever asks is waiting."""


def health(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """By node, `facts` with when they were asked for and told, or `silent`."""
    questions = [Question(access, {}) for _, access in listed(env["FJORDKUBE_NODES"])]
    found = ask(questions, env["FJORDKUBE_SCRIPT"], folder, PATIENCE)
    return {"nodes": {name: _told(answer) for name, answer in found.items()}}


def _told(answer: Answer | Problem) -> dict[str, Any]:
    if isinstance(answer, Problem):
        return {"silent": answer.state}
    return {"facts": answer.facts, "begun": answer.begun, "ended": answer.ended}
