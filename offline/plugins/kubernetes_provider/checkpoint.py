"""An object as Pulumi's state holds it, in the shape of pulumi-kubernetes 4, so that either provider reads it.

Owns that shape: the live object, beside it `__inputs`, `__initialApiVersion` and `__fieldManager`, with the API's
x-kubernetes keys underscored and secrets marked. Leaves objects themselves to `objects.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..values import Properties, has_secret, is_secret, plain, secret
from . import objects
from .objects import Object

INPUTS, INITIAL, MANAGER = "__inputs", "__initialApiVersion", "__fieldManager"


@dataclass(frozen=True)
class Checkpoint:
    """What the state says of an object, without marks."""

    inputs: Object
    live: Object
    initial_api_version: str
    field_manager: str


def from_inputs(properties: Mapping[str, Any]) -> Object:
    """The object that inputs describe."""
    kept = {key: value for key, value in properties.items() if not key.startswith("__")}
    result: Object = objects.writable(objects.renamed(plain(kept), objects.DASHED))
    return result


def parse(properties: Mapping[str, Any]) -> Checkpoint:
    """The state's content, from either provider."""
    state: Properties = objects.renamed(plain(dict(properties)), objects.DASHED)
    inputs = state.pop(INPUTS, None) or {}
    initial, manager = state.pop(INITIAL, ""), state.pop(MANAGER, "")
    return Checkpoint(inputs, state, str(initial or inputs.get("apiVersion", "")), str(manager or ""))


def state(inputs: Object, live: Object, declared: Properties, initial: str, manager: str) -> Properties:
    """The state of a live object; `declared` are the inputs with their marks, which the state takes over."""
    kept = dict(live)
    # Large, of no use to a program, and read fresh where it matters.
    kept["metadata"] = {key: value for key, value in objects.metadata(live).items() if key != "managedFields"}
    result: Properties = mark(objects.renamed(kept, objects.UNDERSCORED), declared)
    if objects.is_secret(live) and is_secret(declared.get("stringData")) and "data" in result:
        result["data"] = secret(result["data"])
    result[INPUTS] = mark(objects.renamed(inputs, objects.UNDERSCORED), declared)
    result[INITIAL] = initial
    result[MANAGER] = manager
    return result


def mark(values: Properties, declared: Mapping[str, Any]) -> Properties:
    """The values, secret where the declared ones are; a Secret's data always. A list is secret as a whole."""
    result = dict(values)
    if result.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in result:
                result[key] = secret(result[key])
    for key, given in declared.items():
        if key not in result or is_secret(result[key]) or not has_secret(given):
            continue
        if isinstance(result[key], dict) and isinstance(given, dict) and not is_secret(given):
            result[key] = mark(result[key], given)
        else:
            result[key] = secret(result[key])
    return result
