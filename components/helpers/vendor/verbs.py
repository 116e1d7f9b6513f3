"""A machine ordered and deleted at the vendor: the helper's verbs, asked by VENDOR_* variables."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import HelperError
from . import ordering
from .contract import Order
from .turn import turn
from .vendor import Vendor

PREFIX = "VENDOR_"


def create(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """The running machine's facts; ordered only where the vendor has none of its name."""
    with _vendor(env) as (vendor, order, patience):
        return ordering.create(vendor, order, patience)


def delete(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Returns when the vendor has no machine of its name."""
    with _vendor(env) as (vendor, order, patience):
        ordering.delete(vendor, order.name, patience)
    return {}


@contextmanager
def _vendor(env: Mapping[str, str]) -> Iterator[tuple[Vendor, Order, float]]:
    order = Order(**{field.name: _value(env, field.name.upper()) for field in dataclasses.fields(Order)})
    command, patience = _value(env, "COMMAND"), float(_value(env, "PATIENCE_SECONDS"))
    seconds = float(_value(env, "CALL_SECONDS"))
    with turn(order.name, command, patience) as held:
        yield (
            Vendor(json.loads(command), seconds, held, json.loads(env.get(PREFIX + "SECRETS") or "{}")),
            order,
            patience,
        )


def _value(env: Mapping[str, str], name: str) -> str:
    if PREFIX + name not in env:
        raise HelperError(f"environment: {PREFIX}{name} not set; this program is started by Pulumi")
    return env[PREFIX + name]
