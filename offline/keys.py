"""Content keys: one short digest of everything that goes into a result, so that equal inputs are built once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from fjordkube.roots import cache_root

LENGTH = 16
"""Hex digits of a key: 64 bits are plenty for the some dozens of results in one cache."""


def of(*parts: Any) -> str:
    """The key of values: dataclasses, strings, numbers, mappings, sequences, and `Path`s (their content counts)."""
    text = json.dumps([_plain(part) for part in parts], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def place(path: Path) -> str:
    """A result of the cache as an input of another: its place in it, which carries its key, wherever the cache is."""
    return str(path.relative_to(cache_root()))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return content(value)
    if is_dataclass(value) and not isinstance(value, type):
        # estimates are not inputs: a better guess must not build anything again
        return {k: _plain(v) for k, v in asdict(value).items() if k != "seconds"}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items() if k != "seconds"}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def content(path: Path) -> dict[str, str]:
    """Digest by name of a file, or of every file under a folder; byte-compiled Python aside."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    if not files:
        raise FileNotFoundError(path)
    return {
        file.name if file == path else str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if "__pycache__" not in file.parts
    }
