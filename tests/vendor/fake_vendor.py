"""A vendor's command by the contract: `fake_vendor.py FOLDER MODE VERB`, request on stdin, answer on stdout.

MODE is `machines` (real local virtual machines), `paper` (nothing but records) or one of the ways to break the contract
in MISDEEDS, which hold for `create` and `read` of what is there. FOLDER keeps the vendor's book, `journal`: a line for
each machine that was ordered, which is what the vendor would bill, and one for each that was taken back. A line is
written at once or not at all, so that a vendor who is killed has ordered or has not.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

MISDEEDS: dict[str, dict[str, Any]] = {
    "other-name": {"name": "somebody-else"},
    "foreign-zone": {"zone": "se-sto1"},
    "other-address": {"private_address": "10.99.99.99"},
    "no-host-key": {"host_key": None},
    "odd-ports": {"ports": {"ssh": "22"}},
    "odd-state": {"state": "thinking"},
    "failed": {"state": "failed"},
    "other-version": {"contract": "2"},
}
"""What an answer then says instead of the truth."""

PAPER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43


def main(words: list[str]) -> int:
    """0 with an answer on stdout; 1 with words on stderr."""
    folder, mode, verb = Path(words[0]), words[1], words[2]
    folder.mkdir(parents=True, exist_ok=True)
    request: dict[str, Any] = json.load(sys.stdin)
    if mode == "text":
        print("Dear customer, your order is being looked at")
        return 0
    if mode == "hang":
        time.sleep(3600)
    if mode == "refuses" and verb == "create":
        print("no more machines in this zone", file=sys.stderr)
        return 1
    if mode == "late" and verb == "create":
        (folder / "asked").touch()
        time.sleep(4)  # before the machine is in any list
    answer = {"contract": "1", **answers(folder, mode, verb, request)}
    if mode == "halfway" and verb == "create":
        os.kill(os.getpid(), 9)  # the machine is ordered, and nobody is told
    if mode == "slow-answer" and verb == "create":
        time.sleep(3600)  # the same, by a timeout
    if verb in ("create", "read") and mode in MISDEEDS and answer["state"] != "absent":
        answer |= MISDEEDS[mode]
    print(json.dumps(answer))
    return 0


def answers(folder: Path, mode: str, verb: str, request: dict[str, Any]) -> dict[str, Any]:
    """What an honest vendor says."""
    if verb == "list":
        return {"machines": [{"name": name} for name in machines(folder)]}
    name = request["name"]
    if verb == "create":
        # Asked twice, it orders twice: names are its customer's business.
        _write(folder, {"ordered": name, "request": request, "id": f"vm-{os.getpid()}-{time.time_ns()}"})
    entry = machines(folder).get(name)
    if entry is None:
        return {"name": name, "state": "absent"}
    if verb == "delete":
        if mode == "machines":
            _machines(folder, "delete", entry["request"])
        _write(folder, {"deleted": name})
        return {"name": name, "state": "absent"}
    return _state(folder, mode, entry)


def orders(folder: Path) -> list[str]:
    """Names in the order in which machines were ordered: what the vendor would bill."""
    return [entry["ordered"] for entry in _journal(folder) if "ordered" in entry]


def machines(folder: Path) -> dict[str, dict[str, Any]]:
    """What there is now, by name: each machine's line of the journal."""
    there: dict[str, dict[str, Any]] = {}
    for entry in _journal(folder):
        if "ordered" in entry:
            there[entry["ordered"]] = entry
        else:
            there.pop(entry["deleted"], None)
    return there


def _journal(folder: Path) -> list[dict[str, Any]]:
    path = folder / "journal"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _write(folder: Path, entry: dict[str, Any]) -> None:
    with (folder / "journal").open("ab", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(entry).encode() + b"\n")


def _state(folder: Path, mode: str, entry: dict[str, Any]) -> dict[str, Any]:
    request = entry["request"]
    name = request["name"]
    if mode == "building" and not (folder / f"{name}.looked").exists():
        (folder / f"{name}.looked").touch()
        return {"name": name, "state": "building"}
    running = {
        "name": name,
        "state": "running",
        "zone": request["zone"],
        "public_address": "127.0.0.1",
        "private_address": request["private_address"],
        "host_key": PAPER_KEY,
        "ports": {},
        "id": entry["id"],
    }
    return running | (_machines(folder, "make", request) if mode == "machines" else {})


def _machines(folder: Path, verb: str, request: dict[str, Any]) -> dict[str, Any]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from fjordkube.helpers.local_vm import image
    from tests.machines import machines

    found = image.find(request["image"])
    wanted = machines.Wanted(
        request["hostname"],
        request["role"],
        request["private_address"],
        request["private_network"],
        request["ssh_public_key"],
    )
    if verb == "delete":
        machines.delete(folder / "home", found, wanted)
        return {}
    made = machines.make(folder / "home", found, wanted)
    return {"host_key": made.host_key, "ports": made.ports}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
