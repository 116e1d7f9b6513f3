"""From the mapping in a stack file to a `Stack`, or to every problem in it at once.

Owns the two passes. The first validates the file as it is. If fields are refused, the second validates a copy in
which those fields have their defaults, so that contradictions among the other fields are found in the same run;
a contradiction that rests on a refused field is not told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fjordkube.errors import SettingsError
from fjordkube.settings import reading
from fjordkube.settings.consistency import Finding, Inconsistent, Path
from fjordkube.settings.explanation import (
    example_of,
    explain,
    field_name,
    keys,
    model_at,
    nearest,
    plain_path,
    value_at,
)
from fjordkube.settings.stack import Stack

MOST_OF_A_FIELD: Final = 5
"""Problems of one field that are told."""


def load(raw: Mapping[str, Any] | None) -> Stack:
    """The stack that a file's `fjordkube:stack` mapping describes; None or an empty one is all defaults.

    Raises SettingsError with every problem as a line `field: state; fix`. Touches nothing else.
    """
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        raise SettingsError(
            [f"fjordkube:stack: is not a mapping but {reading.kind(raw)}; write keys such as `nodes:` under it"]
        )
    reading.check(raw)
    try:
        return _validate(raw)
    except ValidationError as error:
        raise SettingsError(_problems(error, raw)) from None


def _validate(raw: Any) -> Stack:
    return Stack.model_validate(raw, by_alias=True, by_name=False)


def _problems(error: ValidationError, raw: Mapping[str, Any]) -> list[str]:
    told: dict[Path, str] = {}
    refused: set[Path] = set()
    repaired = _text_keys(raw)
    for detail in _shape_errors(error):
        path = plain_path(detail, raw)
        told.setdefault(path, explain(detail, path, raw, Stack))
        refused |= _replace(repaired, path, detail, raw)
    found = [f for f in _contradictions(error, repaired) if not _rests_on(f, refused)]
    lines = [(path, f"{field_name(path, raw)}: {message}") for path, message in told.items()]
    lines += [(f.fields[0], f"{field_name(f.fields[0], raw)}: {f.state}; {f.fix}") for f in found]
    order = list(Stack.model_fields)
    # a stable sort: by section as the reference has them, shape errors before contradictions
    lines.sort(key=lambda line: order.index(str(line[0][0])) if line[0] and line[0][0] in order else -1)
    return list(_few_of_each(lines, raw))


def _few_of_each(lines: Sequence[tuple[Path, str]], raw: Mapping[str, Any]) -> Iterator[str]:
    """Of many problems of one field, such as the members of a pool, the first and how many more there are."""
    counts = Counter(path for path, _ in lines)
    told: Counter[Path] = Counter()
    for path, text in lines:
        told[path] += 1
        if told[path] <= MOST_OF_A_FIELD:
            yield text
        elif told[path] == counts[path]:
            yield f"{field_name(path, raw)}: has {counts[path] - MOST_OF_A_FIELD} more problems; mend these first"


def _text_keys(value: Any) -> Any:
    """A deep copy without keys that are not text, which were refused."""
    if isinstance(value, Mapping):
        return {key: _text_keys(item) for key, item in value.items() if isinstance(key, str)}
    if isinstance(value, list):
        return [_text_keys(item) for item in value]
    return value


def _shape_errors(error: ValidationError) -> list[ErrorDetails]:
    details = error.errors(include_url=False, include_input=False)
    return [
        detail
        for detail in details
        # a default that follows from a refused field is no problem of its own
        if detail["type"] != "default_factory_not_called"
        and not isinstance(detail.get("ctx", {}).get("error"), Inconsistent)
    ]


def _contradictions(error: ValidationError, repaired: Any) -> list[Finding]:
    """The findings in a validation error, or else those that a second pass over the repaired copy has."""
    found = _findings(error)
    if found:
        return found
    try:
        _validate(repaired)
    except ValidationError as second:
        return _findings(second)
    return []


def _findings(error: ValidationError) -> list[Finding]:
    causes = [detail.get("ctx", {}).get("error") for detail in error.errors(include_url=False, include_input=False)]
    return [finding for cause in causes if isinstance(cause, Inconsistent) for finding in cause.findings]


def _rests_on(finding: Finding, refused: set[Path]) -> bool:
    """Whether a field of the finding is, or lies in, one that was refused.

    A refused value inside a list of nodes does not count: of the list itself, only its length is read.
    """
    return any(field[: len(path)] == path for field in finding.fields for path in refused)


def _replace(repaired: Any, path: Path, detail: ErrorDetails, raw: Any) -> set[Path]:
    """Puts the default where a value was refused; returns the fields that are not the file's any more."""
    if detail["type"] == "union_tag_invalid":
        # of an unknown variant, no other key can be judged
        repaired.pop(path[0], None)
        return {path[:1]}
    parent = repaired
    for depth, part in enumerate(path[:-1]):
        try:
            child = parent[part]
        except (KeyError, IndexError, TypeError):
            return {path}
        if isinstance(child, str) and isinstance(part, int):
            # a node that is only a name
            child = parent[part] = {"name": child}
        if not isinstance(child, dict | list):
            return {path[: depth + 1]}
        parent = child
    last = path[-1] if path else None
    if isinstance(parent, list) and isinstance(last, int) and last < len(parent):
        parent[last] = _stand_in(path) if path[0] == "nodes" else None
        if path[0] != "nodes":
            return {path[:-1]} | _drop_list(repaired, path[:-1])
    elif isinstance(parent, dict):
        example = example_of(path, raw, Stack) if detail["type"] == "missing" else None
        if example is not None:
            # of the other fields, contradictions are found all the same
            parent[last] = _text_keys(example)
        elif last == "name" and len(path) == 4:
            parent["name"] = _stand_in(path[:3])
        else:
            parent.pop(last, None)
    near = _misspelt(path, detail, raw)
    return {path} | ({near} if near else set())


def _stand_in(path: Path) -> str:
    """A valid name for a node whose own was refused; no trailing number, so that it takes no other's address."""
    return f"refused-{path[1]}-{path[2]}-x".replace("_", "-")


def _drop_list(repaired: Any, path: Path) -> set[Path]:
    parent = repaired
    for part in path[:-1]:
        parent = parent[part]
    parent.pop(path[-1], None)
    return {path}


def _misspelt(path: Path, detail: ErrorDetails, raw: Any) -> Path | None:
    """The field that an unknown key was meant for, if one is near: its default is not what the file wants."""
    if detail["type"] != "extra_forbidden":
        return None
    model = model_at(path[:-1], raw, Stack)
    near = nearest(str(path[-1]), keys(model)) if model else None
    # what the file has under the right name stands as it is
    return (*path[:-1], near) if near and value_at((*path[:-1], near), raw) is None else None
