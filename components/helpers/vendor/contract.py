"""The contract with the vendor's command, version 1: what is asked, and what counts as an answer.

Owns requests and the judgement of answers; pure. Leaves calling to vendor.py. docs/sources/vendor-contract.schema.json
says the same to adapters' authors; a test holds the two together.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import HelperError

VERSION = "1"

STATES = ("building", "running", "failed", "absent")

PORTS = ("ssh", "api", "http", "https")
"""Uses of ports that an answer may name, where the vendor forwards other ports than the usual ones."""

HOST_KEY = re.compile(r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{40,}={0,3}$")

PUBLIC = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")


@dataclass(frozen=True)
class Order:
    """One machine as it is wanted."""

    name: str
    """The machine's name at the vendor, e.g. prod-w1; it is found again by it."""
    hostname: str
    role: str
    """control-plane or worker."""
    zone: str
    plan: str
    image: str
    private_network: str
    private_address: str
    etcd_disk: str
    """yes: with a second disk for etcd, or no."""
    ssh_public_key: str

    @property
    def request(self) -> dict[str, Any]:
        """What `create` is asked."""
        fields: dict[str, Any] = {**vars(self), "etcd_disk": self.etcd_disk == "yes"}
        digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
        # For vendors whose interface takes one: two orders with one key are one order.
        return {"contract": VERSION, "verb": "create", **fields, "idempotency_key": digest[:32]}


def named(verb: str, name: str) -> dict[str, Any]:
    """What `read` and `delete` are asked."""
    return {"contract": VERSION, "verb": verb, "name": name}


def listing() -> dict[str, Any]:
    """What `list` is asked."""
    return {"contract": VERSION, "verb": "list"}


def parse(text: str, verb: str) -> dict[str, Any]:
    """The answer as a mapping of the right version. Never repeats what was printed: it may hold anything."""
    try:
        answer = json.loads(text)
    except ValueError:
        what = "nothing" if not text.strip() else f"{len(text)} characters that are not JSON"
        raise HelperError(
            f"{verb}: the vendor's command printed {what}; {_fix('one JSON object and nothing else')}"
        ) from None
    if not isinstance(answer, dict):
        raise HelperError(f"{verb}: the answer is JSON, but not an object; {_fix('one JSON object')}")
    if answer.get("contract") != VERSION:
        raise HelperError(
            f'{verb}: the answer is not of contract "{VERSION}"; {_fix(f"a field contract with {VERSION!r}")}'
        )
    return answer


def names(answer: Mapping[str, Any]) -> list[str]:
    """Names of all machines, from the answer to `list`."""
    machines = answer.get("machines")
    if not isinstance(machines, list) or not all(isinstance(one, dict) for one in machines):
        raise HelperError(f"list: machines is not a list of objects; {_fix('a list, empty where there are none')}")
    found = [one.get("name") for one in machines]
    if not all(isinstance(name, str) for name in found):
        raise HelperError(f"list: a machine has no name; {_fix('a name for each')}")
    return [str(name) for name in found]


def state(answer: Mapping[str, Any], verb: str, name: str) -> str:
    """The machine's state, once the answer is about the right machine."""
    if answer.get("name") != name:
        raise HelperError(
            f"{verb} {name}: the answer is about {_shown(answer.get('name'))}; {_fix('the name that was asked')}"
        )
    found = answer.get("state")
    if found not in STATES:
        raise HelperError(f"{verb} {name}: state is {_shown(found)}; {_fix('one of ' + ', '.join(STATES))}")
    return str(found)


def facts(answer: Mapping[str, Any], order: Order) -> dict[str, Any]:
    """What the rest of the program needs of a running machine. HelperError with everything that is wrong with it."""
    wrong = []
    if answer.get("zone") != order.zone:
        wrong.append(f"zone is {_shown(answer.get('zone'))}, ordered was {order.zone}")
    if answer.get("private_address") != order.private_address:
        wrong.append(f"private_address is {_shown(answer.get('private_address'))}, ordered was {order.private_address}")
    if not _matches(PUBLIC, answer.get("public_address")):
        wrong.append(f"public_address is {_shown(answer.get('public_address'))}, not an address or a host name")
    if not _matches(HOST_KEY, answer.get("host_key")):
        wrong.append('host_key is not a public key line such as "ssh-ed25519 AAAA..." without a comment')
    ports = answer.get("ports", {})
    if not isinstance(ports, dict) or not all(use in PORTS and _port(port) for use, port in ports.items()):
        wrong.append(f"ports is not a mapping of {', '.join(PORTS)} to port numbers")
    if not isinstance(answer.get("id", ""), str):
        wrong.append("id is not text")
    if wrong:
        fix = "correct the adapter; where the vendor made another machine than was ordered, delete it there by hand"
        raise HelperError(f"{order.name}: {'; '.join(wrong)}. Fix: {fix}")
    return {
        "id": answer.get("id") or order.name,
        "zone": answer["zone"],
        "public_address": answer["public_address"],
        "host_key": answer["host_key"],
        "ports": {use: int(port) for use, port in ports.items()},
    }


def _fix(wanted: str) -> str:
    return f"the adapter must print {wanted} (docs/sources/vendor_cli.md)"


def _shown(value: object) -> str:
    """A value of the vendor's, if it is short and plain enough to repeat."""
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", value) else "not usable"


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None  # match would take a newline at the end


def _port(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535
