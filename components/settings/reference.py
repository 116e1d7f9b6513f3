"""docs/settings.md: every field of a stack file with its type, default and meaning, read from the models.

    python -m fjordkube.settings.reference           print it
    python -m fjordkube.settings.reference --write   update docs/settings.md

Owns the page's form. Leaves every word about a field to its docstring.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter

from fjordkube.settings import types
from fjordkube.settings.explanation import TAGS, keys, models_in
from fjordkube.settings.stack import Stack

FILE: Final = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
"""The checked-in copy."""

HEAD: Final = """\
# Settings

<!-- Written by `python -m fjordkube.settings.reference --write`; change the docstrings in components/settings/. -->

A stack is described by `stacks/Pulumi.<stack>.yaml`, in the object `fjordkube:stack` under `config`. Every field has a
default, so an empty object is a valid stack: one control plane and two workers. All problems of a file are told at
once, before anything is touched. Editors check the file as you type by its first line,
`# yaml-language-server: $schema=stack.schema.json`.

The file is YAML in UTF-8 of which only plain parts are taken: no anchors, aliases, tags or merge keys, no key twice in
one mapping, numbers in decimal digits without leading zeros, and quotes around text that looks like a number, a date or
a boolean. Whatever else is refused with its field or line.

```yaml
config:
  fjordkube:stack:
    nodes:
      workers: [w1, w2, {name: w3, memory_mib: 3072}]
    ingress:
      config:
        keep-alive: 65
```

In the tables, `[]` stands for each item of a list, "not set" is the default of a field that may be left empty, and a
capitalised type is explained [at the end](#types)."""


APART: Final = {"nodes"}
"""Sections whose variants have so little in common that each has a table of its own."""


@dataclass(frozen=True)
class Row:
    """One field."""

    path: str
    type: str
    default: str
    meaning: str


def text() -> str:
    """The whole page."""
    parts = [HEAD]
    stack = Stack()
    for name, field in Stack.model_fields.items():
        variants = list(models_in(field.annotation))
        parts.append(f"## {name}\n\n{field.description}")
        if not variants:
            row = Row(name, _type(field.annotation), _default(getattr(stack, name)), _plain(field.description))
            parts.append(_table(("Field", "Type", "Default", "Meaning"), _cells([row])))
            continue
        if len(variants) > 1:
            tag = TAGS[name]
            parts.append("\n".join(f"- `{tag}: {_tag(v, tag)}`: {_plain(v.__doc__)}" for v in variants))
        elif variants[0].__doc__ != field.description:
            parts.append(_plain(variants[0].__doc__))
        if name in APART:
            parts += _tables_apart(name, variants, stack)
            continue
        parts.append(_table(("Field", "Type", "Default", "Meaning"), _cells(_section(name, variants, stack))))
    parts.append("## Types\n\nWhat is not plain text, a whole number or true and false:")
    parts.append(_table(("Type", "Meaning"), ([name, meaning] for name, meaning in vocabulary().items())))
    return "\n\n".join(parts) + "\n"


def _tables_apart(name: str, variants: Sequence[type[BaseModel]], stack: Stack) -> Iterator[str]:
    """A heading and a table for each variant; what the stack has by default gives the defaults of its own."""
    tag, default = TAGS[name], getattr(stack, name)
    for variant in variants:
        yield f"### {tag}: {_tag(variant, tag)}"
        shown = default if isinstance(default, variant) else _unnamed(variant)
        yield _table(("Field", "Type", "Default", "Meaning"), _cells(_rows(variant, name, shown)))


def _section(name: str, variants: Sequence[type[BaseModel]], stack: Stack) -> Iterator[Row]:
    """Rows of a section, each field once; a field that not every variant has says which one has it."""
    told: dict[str, Row] = {}
    tag = TAGS.get(name, "")
    for variant in variants:
        for row in _rows(variant, name, getattr(stack, name)):
            field = row.path.split(".")[1].removesuffix("[]")
            if len(variants) > 1 and field == tag:
                choices = [f"`{_tag(v, tag)}`" for v in variants]
                row = Row(row.path, _or(choices), row.default, "Which of the above.")
            elif any(field not in keys(other) for other in variants):
                having = [f"`{_tag(v, tag)}`" for v in variants if field in keys(v)]
                row = Row(row.path, row.type, row.default, f"{row.meaning} Only with {_or(having)}.")
            told.setdefault(row.path, row)
    yield from told.values()


def _rows(model: type[BaseModel], at: str, defaults: Any) -> Iterator[Row]:
    """A model's fields and those of the models in it; `defaults`: an instance, or None where there is none."""
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        path = f"{at}.{field.alias or name}"
        inner = list(models_in(field.annotation))
        value = getattr(defaults, name, None)
        if inner and not _is_list(hints[name]):
            # of a section that is left out by default, what its fields are once it is there
            yield from _rows(inner[0], path, _unnamed(inner[0]) if value is None else value)
            continue
        default = "required" if field.is_required() else _default(value)
        yield Row(path, _type(hints[name]), default, _plain(field.description))
        if inner:
            yield from _rows(inner[0], f"{path}[]", _unnamed(inner[0]))


def _is_list(hint: Any) -> bool:
    return get_origin(hint) is list or (get_origin(hint) is Annotated and _is_list(get_args(hint)[0]))


def _unnamed(model: type[BaseModel]) -> BaseModel:
    """An instance that shows the defaults of a list's items."""
    return model.model_construct(**{name: None for name, field in model.model_fields.items() if field.is_required()})


def _tag(model: type[BaseModel], tag: str) -> str:
    return str(model.model_fields[tag].default)


# --- Words -----------------------------------------------------------------------------------------------------------


def vocabulary() -> dict[str, str]:
    """Meaning by name of the types that have rules beyond a range: the docstrings of `types.py`."""
    body = ast.parse(inspect.getsource(types)).body
    found = {}
    for line, after in itertools.pairwise(body):
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            name = line.targets[0].id
            if name in _named() and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                found[name] = _plain(str(after.value.value))
    return found


def _named() -> dict[str, Any]:
    """The annotated types that are more than a range of numbers, a choice or a flag."""
    plain = {"Flag", "Whole", "Count", "Port", "HostPort"}
    aliases = {n: v for n, v in vars(types).items() if get_origin(v) is Annotated and n not in plain}
    return {n: v for n, v in aliases.items() if "enum" not in TypeAdapter(v).json_schema()}


def _type(hint: Any) -> str:
    for name, alias in _named().items():
        if hint == alias:
            return name
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _or([_type(part) for part in get_args(hint) if part is not type(None)])
    if origin is list:
        return f"list of {_type(get_args(hint)[0]).replace('whole number', 'whole numbers')}"
    if origin is Literal:
        return _or([f"`{choice}`" for choice in get_args(hint)])
    if list(models_in(hint)):
        # NamedByText: a plain name stands for the mapping
        return "names or mappings"
    schema = TypeAdapter(hint).json_schema()
    if "enum" in schema:
        return _or([f"`{choice}`" for choice in schema["enum"]])
    if schema.get("type") == "integer":
        least, most = schema.get("minimum"), schema.get("maximum")
        return "whole number" + (f", {least} to {most}" if most is not None else f" from {least}" if least else "")
    if schema.get("type") == "boolean":
        return "`true` or `false`"
    return "text"


def _default(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`[{', '.join(getattr(item, 'name', str(item)) for item in value)}]`"
    return f"`{value}`"


def _plain(docstring: str | None) -> str:
    # the page says "not set" where Python says None; an angle bracket would be HTML
    return " ".join((docstring or "").split()).replace("None:", "Not set:").replace("<", "\\<")


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _cells(rows: Iterable[Row]) -> Iterator[list[str]]:
    for row in rows:
        yield [f"`{row.path}`", row.type, row.default, row.meaning]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main(arguments: list[str]) -> None:
    """Prints the page or updates the file."""
    parser = argparse.ArgumentParser(prog="python -m fjordkube.settings.reference", description="Page of settings")
    parser.add_argument("--write", action="store_true", help=f"update {FILE.name} in place of printing")
    if parser.parse_args(arguments).write:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(text())
    else:
        sys.stdout.write(text())


if __name__ == "__main__":
    main(sys.argv[1:])
