"""Entry: `python3 -I <folder> VERB`, asked by FJORDKUBE_* variables. One JSON line on stdout."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run by path: make the folder a package, so that relative imports hold
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    __package__ = "relay"
    importlib.import_module(__package__)
    del sys.path[0]  # what lies beside this folder is named like anything, standard modules included

from .faults import Fault
from .gates.bgp import bgp
from .gates.data_path import data_path
from .gates.disk import disk
from .gates.ingress import ingress
from .gates.ipvs import ipvs
from .membership import join, member
from .progress import log
from .removal import release, remove
from .survey.survey import survey

VERBS: dict[str, Callable[[Mapping[str, str], Path], dict[str, Any]]] = {
    "join": join,
    "member": member,
    "remove": remove,
    "release": release,
    "survey": survey,
    "disk": disk,
    "bgp": bgp,
    "data-path": data_path,
    "ipvs": ipvs,
    "ingress": ingress,
}


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main(words: list[str], env: Mapping[str, str]) -> int:
    """Runs one verb; 0, or 1 with `error: ...` on stderr, or 2 for a wrong call."""
    if len(words) != 1 or words[0] not in VERBS:
        log(f"usage: relay {'|'.join(VERBS)}")
        return 2
    signal.signal(signal.SIGTERM, _stop)  # so that a cancelled run still deletes its token and keys
    with tempfile.TemporaryDirectory(prefix="fjordkube-") as folder:
        try:
            print(json.dumps(VERBS[words[0]](env, Path(folder)), sort_keys=True))
        except (OSError, Fault) as error:
            log(f"error: {error}")
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
