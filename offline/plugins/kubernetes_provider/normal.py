"""Inputs in the one spelling that the state holds, so that what means the same to the API server is no difference.

Owns what pulumi-kubernetes respells of Secrets and CustomResourceDefinitions (provider/pkg/clients/unstructured.go),
which the server would otherwise respell itself. Leaves other kinds as they are written: the official provider passes
the ones it knows through Kubernetes' Go types, which changes how a quantity is spelled and drops empty values.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ..values import has_unknown
from . import objects
from .objects import Object


def normalized(obj: Object) -> Object:
    """The object as the state holds it; one with unknowns stays as it is."""
    if has_unknown(obj):
        return obj
    if objects.is_secret(obj):
        return _secret(obj)
    if objects.is_crd(obj):
        return _definition(obj)
    return obj


def _secret(obj: Object) -> Object:
    """With `stringData` where the server puts it: in `data`, as base64, over what stands there."""
    data, texts = obj.get("data"), obj.get("stringData")
    if not (isinstance(texts, dict) and texts):
        return {**obj, "data": {key: _again(value) for key, value in data.items()}} if isinstance(data, dict) else obj
    encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
    rest = {key: value for key, value in obj.items() if key != "stringData"}
    return {**rest, "data": {**(data or {}), **encoded}}


def _again(encoded: Any) -> Any:
    """Base64 without the white space that the server takes out; what is none is the server's to refuse."""
    try:
        return base64.b64encode(base64.b64decode(encoded, validate=False)).decode()
    except (binascii.Error, TypeError, ValueError):
        return encoded


def _definition(obj: Object) -> Object:
    """Without what the server drops: a `preserveUnknownFields` that says no, and a status."""
    result = {key: value for key, value in obj.items() if key != "status"}
    spec = result.get("spec")
    if isinstance(spec, dict) and spec.get("preserveUnknownFields") is False:
        result["spec"] = {key: value for key, value in spec.items() if key != "preserveUnknownFields"}
    return result
