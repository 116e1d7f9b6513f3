"""Names for objects that were given none, as pulumi-kubernetes makes them.

Owns the name and its mark, an annotation. Leaves objects with a name, known or not yet, alone.
"""

from __future__ import annotations

import copy
import hashlib
import os

from ..protocol import provider_pb2
from . import objects
from .objects import Object

DIGITS = 8
"""Hex digits after the resource's name (pulumi sdk resource.NewUniqueName's default)."""


class NamingDisabled(Exception):
    """The stack forbids made-up names and the object has none."""


def named(
    inputs: Object,
    old: Object | None,
    urn: str,
    seed: bytes,
    options: provider_pb2.CheckRequest.AutonamingOptions | None,
) -> Object:
    """The inputs with a name: their own, the old object's if that was made up too, or a new one."""
    metadata = inputs.get("metadata", {})
    if not isinstance(metadata, dict) or metadata.get("name"):
        return inputs
    if old and objects.is_true(old, objects.AUTONAMED):
        return _marked(inputs, objects.name(old))
    prefix = urn.rpartition("::")[2] + "-"
    made = prefix + hashlib.sha256(seed or os.urandom(16)).hexdigest()[:DIGITS]
    if options is not None:
        if options.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE:
            raise NamingDisabled("autonaming is disabled for this stack; set metadata.name")
        made = options.proposed_name or made
    return _marked(inputs, made)


def _marked(inputs: Object, name: str) -> Object:
    result = copy.deepcopy(inputs)
    metadata = result.setdefault("metadata", {})
    metadata["name"] = name
    annotations = metadata.setdefault("annotations", {})
    if isinstance(annotations, dict):
        annotations[objects.AUTONAMED] = "true"
    return result
