"""An object as Pulumi's state holds it, in the shape of pulumi-kubernetes 4, so that either provider reads it.

Owns that shape: the live object whole, beside it `__inputs`, `__initialApiVersion` and `__fieldManager`, with the API's
x-kubernetes keys underscored and secrets marked. Leaves objects themselves to `objects.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..values import Properties, has_secret, is_secret, plain, secret
from . import objects
from .normal import normalized
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
    """The object that inputs describe, in the state's spelling."""
    kept = {key: value for key, value in properties.items() if not key.startswith("__")}
    return normalized(objects.writable(objects.renamed(plain(kept), objects.DASHED)))


def checked(inputs: Object, declared: Mapping[str, Any]) -> Properties:
    """The inputs as the engine keeps them beside the state: spelled as the API does, secret where `declared` are."""
    return mark(inputs, objects.renamed(dict(declared), objects.DASHED))


def parse(properties: Mapping[str, Any]) -> Checkpoint:
    """The state's content, from either provider."""
    state: Properties = objects.renamed(plain(dict(properties)), objects.DASHED)
    inputs = normalized(state.pop(INPUTS, None) or {})
    initial, manager = state.pop(INITIAL, ""), state.pop(MANAGER, "")
    return Checkpoint(inputs, state, str(initial or inputs.get("apiVersion", "")), str(manager or ""))


def state(inputs: Object, live: Object, declared: Properties, initial: str, manager: str) -> Properties:
    """The state of a live object; `declared` are the inputs with their marks, which the state takes over."""
    marks: Properties = objects.renamed(declared, objects.UNDERSCORED)
    result = mark(objects.renamed(live, objects.UNDERSCORED), marks)
    result[INPUTS] = mark(objects.renamed(inputs, objects.UNDERSCORED), marks)
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
