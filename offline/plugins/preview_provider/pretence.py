"""What a pretending provider hands out in place of a cloud's answers; for benches and tests alone.

Owns the environment variable that asks for it and the file's form. Leaves when to use it to `provider.py`: without the
variable nothing here is reached.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

VARIABLE = "FJORDKUBE_PRETEND"
"""Path of a JSON file: {"<type token>": {"<output>": <value>}}."""

Properties = dict[str, Any]


@dataclass(frozen=True)
class Pretence:
    """Outputs by type token, e.g. {"upcloud:index/server:Server": {"zone": "no-svg1"}}.

    A key may go on with a pattern of resource names, e.g. "command:remote:Command *-api"; what it says is laid over
    what the token alone says. `{name}` in a text becomes the resource's name. A type that is not named has its inputs
    for outputs.
    """

    canned: Mapping[str, Properties]

    def outputs(self, token: str, name: str) -> Properties:
        """What a resource of that type and name has beside its inputs; `id`, where said, is its identity."""
        found: Properties = {}
        for key, outputs in sorted(self.canned.items(), key=lambda entry: len(entry[0])):
            named, _, pattern = key.partition(" ")
            if named == token and fnmatchcase(name, pattern or "*"):
                found |= outputs
        filled: Properties = _filled(found, name)
        return filled


def from_environment() -> Pretence | None:
    """What FJORDKUBE_PRETEND asks for; None without it. SystemExit with the reason where its file cannot be used."""
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    try:
        canned = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"{VARIABLE}: {path} cannot be read as JSON ({error}); unset it, or name such a file"
        ) from None
    if not isinstance(canned, dict) or not all(isinstance(outputs, dict) for outputs in canned.values()):
        raise SystemExit(f'{VARIABLE}: {path} is not {{"<type token>": {{"<output>": <value>}}}}; unset it, or mend it')
    return Pretence(canned)


def _filled(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.replace("{name}", name)
    if isinstance(value, dict):
        return {key: _filled(item, name) for key, item in value.items()}
    return [_filled(item, name) for item in value] if isinstance(value, list) else value
