"""The stack's file: read from stacks/ (or a path given), checked, and handed to the engine as a copy.

The copy, under the checkout's state folder, carries the encryption salt that the engine writes into a stack file:
the salt belongs to one checkout's passphrase, and the file in stacks/ is shared by all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from fjordkube.errors import SettingsError
from fjordkube.helpers.local_vm import record
from fjordkube.roots import CHECKOUT, home_root
from fjordkube.settings import Stack, load, reading

KEY = "fjordkube:stack"


def source(stack: str) -> Path:
    """The checked-in file of a stack."""
    return CHECKOUT / "stacks" / f"Pulumi.{stack}.yaml"


def read(path: Path) -> dict[str, Any]:
    """The file's mapping; raises SettingsError when it is missing or cannot be a stack file."""
    if not path.exists():
        known = ", ".join(sorted(p.name.split(".")[1] for p in (CHECKOUT / "stacks").glob("Pulumi.*.yaml")))
        raise SettingsError([f"{path}: does not exist; use one of the stacks {known}, or write this file"])
    return reading.read(path)


def settings(path: Path) -> Stack:
    """The stack's checked settings; raises SettingsError with every problem at once."""
    config = read(path).get("config") or {}
    if not isinstance(config, dict):
        raise SettingsError([f"{path}: `config` is {type(config).__name__}; it is a mapping"])
    return load(config.get(KEY) or {})


def copy_of(stack: str) -> Path:
    """Where the engine's copy of the stack's file lies."""
    return home_root() / "stacks" / f"Pulumi.{stack}.yaml"


def materialise(stack: str, path: Path) -> Path:
    """Writes the engine's copy (mode 0600) and returns its path; an earlier copy's salt is kept."""
    copy = copy_of(stack)
    copy.parent.mkdir(parents=True, exist_ok=True)
    content = read(path)
    if copy.exists():
        earlier = yaml.safe_load(copy.read_text()) or {}
        for key in ("encryptionsalt", "secretsprovider", "encryptedkey"):
            if key in earlier:
                content.setdefault(key, earlier[key])
    text = yaml.safe_dump(content, sort_keys=False)
    if not copy.exists() or copy.read_text() != text:
        record.write(copy, text.encode())  # whole or not at all: the salt in it opens the stack's secrets
    return copy
