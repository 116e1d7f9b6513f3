"""A machine ordered once, whatever is cut off on the way; and taken back.

Owns the order of questions: look by name first, order only what is not there, wait until it runs. A create that was
cut off (this program killed, the command timed out) is found by name at the next run and never ordered again.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from . import contract
from .contract import Order
from .faults import Fault
from .vendor import ATTEMPTS, Vendor

FIRST_PAUSE, FACTOR, LONGEST_PAUSE = 1.0, 1.5, 15.0
"""Seconds between two looks at a machine that is building."""

TOLD_EVERY = 30.0
"""Seconds between two lines of progress."""


def create(vendor: Vendor, order: Order, patience: float) -> dict[str, Any]:
    """The running machine's facts. Fault when the vendor breaks the contract, or the machine is not made in time."""
    count = contract.names(vendor.ask("list", contract.listing(), ATTEMPTS)).count(order.name)
    if count > 1:
        raise Fault(f"{order.name}: the vendor has {count} machines of this name; delete all but one there")
    if count:
        log(f"{order.name}: is there already")
        answer = vendor.ask("read", contract.named("read", order.name), ATTEMPTS)
        if contract.state(answer, "read", order.name) == "absent":
            raise Fault(f"{order.name}: is in the vendor's list, and read says absent; the two must agree")
    else:
        log(f"{order.name}: ordering {order.plan} in {order.zone}")
        answer = vendor.ask("create", order.request)
    return contract.facts(_running(vendor, order, answer, patience), order)


def delete(vendor: Vendor, name: str, patience: float) -> None:
    """Returns when the vendor has no machine of this name."""
    begun, pause = time.monotonic(), FIRST_PAUSE
    while name in contract.names(vendor.ask("list", contract.listing(), ATTEMPTS)):
        answer = vendor.ask("delete", contract.named("delete", name), ATTEMPTS)
        if contract.state(answer, "delete", name) == "absent":
            break
        if time.monotonic() - begun > patience:
            raise Fault(f"{name}: the vendor still has it after {patience:.0f} s; look there, then run down again")
        time.sleep(pause)
        pause = min(pause * FACTOR, LONGEST_PAUSE)
    log(f"{name}: deleted")


def _running(vendor: Vendor, order: Order, answer: dict[str, Any], patience: float) -> dict[str, Any]:
    begun, told, pause, verb = time.monotonic(), 0.0, FIRST_PAUSE, "create"
    while True:
        match contract.state(answer, verb, order.name):
            case "running":
                return answer
            case "failed":
                fix = "delete it at the vendor and run up again, or try another plan or zone"
                raise Fault(f"{order.name}: the vendor could not build it; {fix}")
            case "absent":
                raise Fault(f"{order.name}: was ordered and is absent now; look at the vendor before running up again")
        waited = time.monotonic() - begun
        if waited > patience:
            fix = "the next up finds it by its name and goes on waiting; or raise nodes.patience_seconds"
            raise Fault(f"{order.name}: still building after {waited:.0f} s; {fix}")
        if waited >= told + TOLD_EVERY:
            told = waited
            log(f"{order.name}: building for {waited:.0f} s")
        time.sleep(pause)
        pause = min(pause * FACTOR, LONGEST_PAUSE)
        verb, answer = "read", vendor.ask("read", contract.named("read", order.name), ATTEMPTS)


def log(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)
