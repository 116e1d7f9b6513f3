"""A machine ordered once, whatever is cut off on the way; and taken back.

Owns the order of questions: look by name first, order only what is not there, wait until it runs. A create that was
cut off (this program killed, the command timed out) is found by name at the next run and never ordered again. Leaves
to turn.py that no two runs look and order at once.
"""

from __future__ import annotations

import time
from typing import Any

from ..errors import HelperError
from ..log import log
from . import contract
from .contract import Order
from .vendor import ATTEMPTS, Vendor

FIRST_PAUSE, FACTOR, LONGEST_PAUSE = 1.0, 1.5, 15.0
"""Seconds between two looks at a machine that is building."""

TOLD_EVERY = 30.0
"""Seconds between two lines of progress."""


def create(vendor: Vendor, order: Order, patience: float) -> dict[str, Any]:
    """The running machine's facts. HelperError when the contract is broken, or the machine not made in time."""
    count = _listed(vendor, order.name)
    if count > 1:
        raise HelperError(f"{order.name}: the vendor has {count} machines of this name; delete all but one there")
    # Both are asked: a listing that leaves a machine out would have it ordered twice.
    answer = _read(vendor, order.name)
    if answer["state"] != "absent":
        log(f"{order.name}: is there already")
    elif count:
        raise HelperError(f"{order.name}: is in the vendor's list, and read says absent; the two must agree")
    else:
        log(f"{order.name}: ordering {order.plan} in {order.zone}")
        answer = vendor.ask("create", order.request)
    return contract.facts(_running(vendor, order, answer, patience), order)


def delete(vendor: Vendor, name: str, patience: float) -> None:
    """Returns when the vendor has no machine of this name."""
    begun, pause = time.monotonic(), FIRST_PAUSE
    while _listed(vendor, name) or _read(vendor, name)["state"] != "absent":
        answer = vendor.ask("delete", contract.named("delete", name), ATTEMPTS)
        if contract.state(answer, "delete", name) == "absent":
            break
        if time.monotonic() - begun > patience:
            raise HelperError(
                f"{name}: the vendor still has it after {patience:.0f} s; look there, then run down again"
            )
        time.sleep(pause)
        pause = min(pause * FACTOR, LONGEST_PAUSE)
    log(f"{name}: deleted")


def _listed(vendor: Vendor, name: str) -> int:
    """How many machines of this name the vendor lists."""
    return contract.names(vendor.ask("list", contract.listing(), ATTEMPTS)).count(name)


def _read(vendor: Vendor, name: str) -> dict[str, Any]:
    """The machine by its name, in one of the contract's states."""
    answer = vendor.ask("read", contract.named("read", name), ATTEMPTS)
    contract.state(answer, "read", name)
    return answer


def _running(vendor: Vendor, order: Order, answer: dict[str, Any], patience: float) -> dict[str, Any]:
    begun, told, pause, verb = time.monotonic(), 0.0, FIRST_PAUSE, "create"
    while True:
        match contract.state(answer, verb, order.name):
            case "running":
                return answer
            case "failed":
                fix = "delete it at the vendor and run up again, or try another plan or zone"
                raise HelperError(f"{order.name}: the vendor could not build it; {fix}")
            case "absent":
                raise HelperError(
                    f"{order.name}: was ordered and is absent now; look at the vendor before running up again"
                )
        waited = time.monotonic() - begun
        if waited > patience:
            fix = "the next up finds it by its name and goes on waiting; or raise nodes.patience_seconds"
            raise HelperError(f"{order.name}: still building after {waited:.0f} s; {fix}")
        if waited >= told + TOLD_EVERY:
            told = waited
            log(f"{order.name}: building for {waited:.0f} s")
        time.sleep(pause)
        pause = min(pause * FACTOR, LONGEST_PAUSE)
        verb, answer = "read", _read(vendor, order.name)
