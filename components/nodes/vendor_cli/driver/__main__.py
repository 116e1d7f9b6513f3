"""Entry: `python3 -I <folder> create|delete`, asked by VENDOR_* variables. One JSON line on stdout."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

if __package__ in (None, ""):  # run by path: make the folder a package, so that relative imports hold
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    __package__ = "driver"
    import driver  # type: ignore[import-not-found]  # noqa: F401

    del sys.path[0]  # what lies beside this folder is named like anything, standard modules included

from . import ordering
from .contract import Order
from .faults import Fault
from .turn import turn
from .vendor import Vendor

PREFIX = "VENDOR_"
SETTINGS = ("COMMAND", "CALL_SECONDS", "PATIENCE_SECONDS")


def main(words: list[str], env: Mapping[str, str]) -> int:
    """Runs one verb; 0, or 1 with `error: ...` on stderr, or 2 for a wrong call."""
    try:
        order = Order(**{field.name: _value(env, field.name.upper()) for field in dataclasses.fields(Order)})
        command, seconds, patience = (_value(env, name) for name in SETTINGS)
        if words not in (["create"], ["delete"]):
            ordering.log("usage: driver create|delete")
            return 2
        with turn(order.name, command, float(patience)) as held:
            vendor = Vendor(json.loads(command), float(seconds), held)
            if words == ["delete"]:
                ordering.delete(vendor, order.name, float(patience))
            else:
                print(json.dumps(ordering.create(vendor, order, float(patience)), sort_keys=True))
    except (Fault, OSError) as error:
        ordering.log(f"error: {error}")
        return 1
    return 0


def _value(env: Mapping[str, str], name: str) -> str:
    if PREFIX + name not in env:
        raise Fault(f"environment: {PREFIX}{name} not set; this program is started by Pulumi")
    return env[PREFIX + name]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
