"""Entry: `python3 -I -m fjordkube.helpers VERB`, asked by environment variables. One JSON line on stdout."""

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

from .errors import HelperError
from .log import log

Verb = Callable[[Mapping[str, str], Path], dict[str, Any]]
"""Takes the environment and a private folder that is deleted afterwards; returns what is printed as JSON."""

VERBS: Mapping[str, tuple[str, str]] = {
    "artifacts": ("artifacts.delivery", "deliver"),
    "join": ("membership.joining", "join"),
    "member": ("membership.joining", "member"),
    "encrypt": ("secrets_encryption", "encrypt"),
    "remove": ("membership.removal", "remove"),
    "release": ("membership.removal", "release"),
    "survey": ("survey.survey", "survey"),
    "health": ("health", "health"),
    "disk": ("gates.disk", "disk"),
    "bgp": ("gates.bgp", "bgp"),
    "data-path": ("gates.data_path", "data_path"),
    "ipvs": ("gates.ipvs", "ipvs"),
    "ingress": ("gates.ingress", "ingress"),
    "local-disk": ("local_vm.verbs", "make_disk"),
    "local-disk-delete": ("local_vm.verbs", "delete_disk"),
    "local-power": ("local_vm.verbs", "power_on"),
    "local-power-delete": ("local_vm.verbs", "power_off"),
    "vendor-create": ("vendor.verbs", "create"),
    "vendor-delete": ("vendor.verbs", "delete"),
}
"""Module and function by verb; imported when it is called, so that a verb starts quickly."""


def find(verb: str) -> Verb:
    """The verb's function. KeyError for an unknown one."""
    module, name = VERBS[verb]
    found: Verb = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    return found


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main(words: list[str], env: Mapping[str, str]) -> int:
    """Runs one verb; 0, or 1 with `error: ...` on stderr, or 2 for a wrong call."""
    if len(words) != 1 or words[0] not in VERBS:
        log(f"usage: fjordkube.helpers {'|'.join(VERBS)}")
        return 2
    signal.signal(signal.SIGTERM, _stop)  # so that a cancelled run still deletes its token and keys
    with tempfile.TemporaryDirectory(prefix="fjordkube-") as folder:
        try:
            print(json.dumps(find(words[0])(env, Path(folder)), sort_keys=True))
        except HelperError as error:
            log(f"error: {error}")
            return 1
        except OSError as error:  # a full disk, a folder that is not ours, an API that does not answer
            log(f"error: {error.filename}: {error.strerror}" if error.filename else f"error: {error}")
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
