"""The stack's state in the checkout's own backend, read from its file: a look that costs no start of the engine.

Owns where the file lies, the form of outputs in it, and which computer its machines are on. Leaves writing, secrets and
every other backend to the engine: whatever is not found here, it is asked for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from commands import backend
from fjordkube.roots import home_root

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key by which Pulumi marks a value as something else than it looks like; in outputs of ours, as a secret."""

COMPUTER = "MACHINE_COMPUTER"
"""Variable of a machine's commands (components/helpers/local_vm/spec.py)."""

HIDDEN = "[secret]"
"""What stands for a secret, as `pulumi stack output` has it."""


def find(stack: str) -> Path | None:
    """The stack's file; None where there is none, or where the state is elsewhere."""
    if os.environ.get(backend.VARIABLE):
        return None
    # one project: its name is the folder's
    return next(iter((home_root() / "state" / ".pulumi" / "stacks").glob(f"*/{stack}.json")), None)


def outputs(stack: str) -> dict[str, Any] | None:
    """The stack's outputs, without what is secret; None where the file does not tell."""
    found = resources(stack)
    if found is None:
        return None
    whole: dict[str, Any] = next((entry for entry in found if entry.get("type") == "pulumi:pulumi:Stack"), {})
    return {key: _hidden(value) for key, value in (whole.get("outputs") or {}).items()}


def resources(stack: str) -> list[dict[str, Any]] | None:
    """The stack's resources; None where the file does not tell."""
    path = find(stack)
    if path is None:
        return None
    try:
        latest = json.loads(path.read_text())["checkpoint"]["latest"] or {}
        return [dict(entry) for entry in latest.get("resources") or []]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def computers(resources: Iterable[Mapping[str, Any]]) -> set[str]:
    """Ids of the computers that machines of source `local` are on (components/helpers/local_vm/computer.py)."""
    environments = (((entry.get("inputs") or {}).get("environment") or {}) for entry in resources)
    return {str(found[COMPUTER]) for found in environments if COMPUTER in found}


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return HIDDEN if SIGNATURE in value else {key: _hidden(item) for key, item in value.items()}
    return [_hidden(item) for item in value] if isinstance(value, list) else value
