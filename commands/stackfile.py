"""The stack's file: read from stacks/ (or a path given), checked, and handed to the engine.

Owns what the engine may write to. A stack of source `local` is handed over as a copy, under the checkout's state
folder: its encryption salt belongs to one checkout's passphrase, and the file in stacks/ is shared by all. Of every
other source it is the file itself, as when a person types `pulumi`, and gains the salt once, as text. Leaves what
settings mean to `components/settings/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fjordkube.errors import SettingsError
from fjordkube.helpers.local_vm import record
from fjordkube.roots import CHECKOUT, home_root
from fjordkube.settings import Stack, load, reading

KEY = "fjordkube:stack"

SALTS = ("encryptionsalt", "secretsprovider", "encryptedkey")
"""What the engine writes beside `config:`: how the file's and the state's secrets are opened, none of it secret."""


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
    return load(_declared(path))


def is_local(stack: str, path: Path) -> bool:
    """Whether the stack's machines are this computer's. If its file is lost or spoilt, the engine's copy tells.

    Raises SettingsError where neither does.
    """
    copy = copy_of(stack)
    try:
        declared = _declared(path)
    except SettingsError:
        if copy.exists() and copy != path and is_local(stack, copy):
            return True
        raise
    nodes = declared.get("nodes") if isinstance(declared, dict) else None
    return (nodes.get("source", "local") if isinstance(nodes, dict) else "local") == "local"


def _declared(path: Path) -> Any:
    config = read(path).get("config") or {}
    if not isinstance(config, dict):
        raise SettingsError([f"{path}: `config` is {type(config).__name__}; it is a mapping"])
    if config.get(KEY) is None:
        raise SettingsError(
            [f"{path}: has no `{KEY}:` under `config:`; write the settings there ({{}}: every default)"]
        )
    return config[KEY]


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
        for key in SALTS:
            if key in earlier:
                content.setdefault(key, earlier[key])
    text = yaml.safe_dump(content, sort_keys=False)
    if not copy.exists() or copy.read_text() != text:
        record.write(copy, text.encode())  # whole or not at all: the salt in it opens the stack's secrets
    return copy


def add_salts(path: Path, made: Mapping[str, Any]) -> None:
    """Appends what the engine wrote for a new stack, as text: comments and order stay. What is there is kept."""
    there = read(path)
    lines = "".join(f"{key}: {made[key]}\n" for key in SALTS if key in made and key not in there)
    if not lines:
        return
    text = path.read_text()
    with path.open("a") as file:
        file.write(("\n" if text and not text.endswith("\n") else "") + lines)


def new(path: Path, target: Path) -> None:
    """Writes a copy for a stack that nobody keeps: without salts, which belong to another passphrase.

    A file that holds secret values keeps them, because its secrets could not be read otherwise.
    """
    content = read(path)
    if not has_secrets(content):
        content = {key: value for key, value in content.items() if key not in SALTS}
    target.write_text(yaml.safe_dump(content, sort_keys=False))


def has_secrets(content: Any) -> bool:
    """Whether there are values that `pulumi config set --secret` has written."""
    if isinstance(content, dict):
        return "secure" in content or any(has_secrets(value) for value in content.values())
    return isinstance(content, list) and any(has_secrets(value) for value in content)
