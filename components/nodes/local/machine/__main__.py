"""Entry: `python3 <folder> disk|power create|update|delete`, asked by MACHINE_* variables. One JSON line on stdout."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

if __package__ in (None, ""):  # run by path: make the folder a package, so that relative imports hold
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    __package__ = "machine"
    import machine  # type: ignore[import-not-found]  # noqa: F401

from . import disk, power
from .faults import Fault
from .spec import Disk, Power, from_environment

USAGE = "usage: machine disk|power create|update|delete"


def main(words: list[str]) -> int:
    """Runs one verb; 0, or 1 with `error: <thing>: <state>; <fix>` on stderr, or 2 for a wrong call."""
    os.umask(0o077)  # disks and keys are nobody else's
    try:
        match words:
            case ["disk", "create" | "update"]:
                _say(disk.create(from_environment(Disk, os.environ)))
            case ["disk", "delete"]:
                disk.delete(from_environment(Disk, os.environ))
            case ["power", "create" | "update"]:
                _say(power.create(from_environment(Power, os.environ)))
            case ["power", "delete"]:
                power.delete(from_environment(Power, os.environ))
            case _:
                print(USAGE, file=sys.stderr)
                return 2
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, a folder that is not ours: the path is what helps
        print(f"error: {error.filename or 'this machine'}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def _say(result: object) -> None:
    print(json.dumps(result, sort_keys=True))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
