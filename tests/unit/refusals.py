"""What `load` says about a stack file."""

from __future__ import annotations

from typing import Any

from fjordkube.errors import SettingsError
from fjordkube.settings import load


def problems(raw: Any) -> list[str]:
    """Every line of the refusal; empty when the file is accepted."""
    try:
        load(raw)
    except SettingsError as error:
        return error.problems
    return []


def at(path: str, value: Any) -> dict[str, Any]:
    """A stack file that holds only this field, e.g. at("network.pod_cidr", "10.0.0.0/8")."""
    for part in reversed(path.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def worker(**fields: Any) -> dict[str, Any]:
    """A stack file with one worker, w1 unless named otherwise."""
    return {"nodes": {"workers": [{"name": "w1", **fields}]}}
