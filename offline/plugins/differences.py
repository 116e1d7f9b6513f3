"""Where two property trees differ, path by path, in the words of Pulumi's detailed diff.

Owns paths and kinds of change. Leaves to each provider which paths force a replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from .protocol import provider_pb2

Path = tuple[str | int, ...]
Kind = Literal["ADD", "DELETE", "UPDATE"]


def differences(old: Any, new: Any, at: Path = ()) -> Iterator[tuple[Path, Kind]]:
    """Each deepest path at which plain data differ; numbers are equal by value, lists compare by position."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in old:
                yield (*at, key), "ADD"
            elif key not in new:
                yield (*at, key), "DELETE"
            else:
                yield from differences(old[key], new[key], (*at, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(old):
                yield (*at, index), "ADD"
            elif index >= len(new):
                yield (*at, index), "DELETE"
            else:
                yield from differences(old[index], new[index], (*at, index))
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield at, "UPDATE"


def path_text(path: Path) -> str:
    """A path as Pulumi writes it: spec.containers[0].image, metadata.annotations["a.b/c"]."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(mark in step for mark in '."[]'):
            text += '["' + step.replace('"', '\\"') + '"]'
        else:
            text += f".{step}" if text else step
    return text


def parse_path(text: str) -> Path:
    """The path of a text such as `spec.ports[0]["a.b"]` or `data.*`; a star stands for any one step."""
    steps: list[str | int] = []
    rest = text
    while rest:
        if rest.startswith('["'):
            end = rest.index('"]')
            steps.append(rest[2:end].replace('\\"', '"'))
            rest = rest[end + 2 :]
        elif rest.startswith("["):
            end = rest.index("]")
            inner = rest[1:end]
            steps.append(int(inner) if inner.isdigit() else inner)
            rest = rest[end + 1 :]
        else:
            rest = rest.removeprefix(".")
            end = min((i for i in (rest.find("."), rest.find("[")) if i >= 0), default=len(rest))
            steps.append(rest[:end])
            rest = rest[end:]
    return tuple(steps)


def covers(pattern: Path, path: Path) -> bool:
    """Whether the pattern (a star matches any step) is the path or one of its parents."""
    return len(pattern) <= len(path) and all(a in ("*", b) for a, b in zip(pattern, path, strict=False))


def response(
    found: Iterable[tuple[Path, Kind]],
    replaces: Callable[[Path], bool],
    ignore: Sequence[str] = (),
) -> provider_pb2.DiffResponse:
    """The engine's answer: detailed diff, top-level keys, and what must be replaced."""
    ignored = [parse_path(text) for text in ignore]
    detail: dict[str, provider_pb2.PropertyDiff] = {}
    tops, replaced = set(), set()
    for path, kind in found:
        if any(covers(pattern, path) for pattern in ignored):
            continue
        replace = replaces(path)
        name = f"{kind}_REPLACE" if replace else kind
        detail[path_text(path)] = provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(name))
        tops.add(str(path[0]))
        if replace:
            replaced.add(path_text(path))
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if detail else none,
        hasDetailedDiff=True,
        detailedDiff=detail,
        diffs=sorted(tops),
        replaces=sorted(replaced),
    )
