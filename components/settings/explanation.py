"""From pydantic's errors to lines a person can act on: `field: state; fix`.

Owns the wording of shape errors, the nearest valid name of an unknown key, and the name of a field in a message.
Never repeats the value of an unknown key or of free text, because a secret may have been pasted there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from fjordkube.settings.consistency import Path
from fjordkube.settings.nginx_config import NginxConfig
from fjordkube.settings.nginx_keys import retired
from fjordkube.settings.types import shown

TAGS: Final = {"nodes": "source", "artifacts": "source", "kube_proxy": "mode", "ingress": "controller"}
"""The key that tells variants of a section apart; pydantic puts its value into an error's location."""


LONGEST_KEY: Final = 253 + 1 + 63
"""Characters of a key that a message repeats: the longest name that a Kubernetes label has."""


def plain_path(error: ErrorDetails, raw: Any) -> Path:
    """The place in the file of pydantic's location, without the tags of unions."""
    parts = list(error["loc"])
    if error["type"] == "union_tag_invalid":
        parts.append(TAGS[str(parts[0])])
    if len(parts) > 1 and parts[0] in TAGS:
        section = raw.get(parts[0]) if isinstance(raw, Mapping) else None
        if parts[1] in _tags(str(parts[0])) and not (isinstance(section, Mapping) and parts[1] in section):
            del parts[1]
    # a mapping's key, by which its entry is named anyway
    return tuple(parts[:-1] if parts[-1:] == ["[key]"] else parts)


def field_name(path: Path, raw: Any) -> str:
    """The field as a message names it, nodes by their names: nodes.workers[w2].memory_mib."""
    text, value = "", raw
    for part in path:
        # a list that the file does not have is the default one
        listed = isinstance(value, list) or (value is None and isinstance(part, int))
        value = _step(value, part)
        if listed:
            text += f"[{_node_name(value) or part}]"
        else:
            word = str(part) if len(str(part)) <= LONGEST_KEY else "(a key)"
            text += f".{word}" if text else word
    return "".join(c if c.isprintable() else "?" for c in text) or "the stack"


def _step(value: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return value[part] if isinstance(value, list) and part < len(value) else None
    return value.get(part) if isinstance(value, Mapping) else None


def _node_name(value: Any) -> str | None:
    name = value.get("name") if isinstance(value, Mapping) else value
    return name if isinstance(name, str) and shown(name) == name else None


def value_at(path: Path, raw: Any) -> Any:
    """What the file has at that place; None where there is nothing."""
    for part in path:
        raw = _step(raw, part)
    return raw


# --- Messages --------------------------------------------------------------------------------------------------------


def explain(error: ErrorDetails, path: Path, raw: Any, root: type[BaseModel]) -> str:
    """`state; fix` of one pydantic error."""
    kind, context = error["type"], error.get("ctx", {})
    value = value_at(path, raw)
    match kind:
        case "setting":
            return error["msg"]
        case "extra_forbidden":
            return unknown_key(path, raw, root)
        case "missing":
            example = example_of(path, raw, root)
            return "is missing; add it" + (f", e.g. {flow(example)}" if example is not None else "")
        case "literal_error" | "union_tag_invalid":
            return _not_one_of(value, context)
        case "greater_than_equal":
            return f"{shown(value)} is too small; use {context['ge']} or more"
        case "less_than_equal":
            return f"{shown(value)} is too large; use {context['le']} or less"
        case "too_short":
            return f"is an empty list; name at least {context['min_length']}"
        case "string_pattern_mismatch":
            return "does not have the right form; see its example in docs/settings.md"
        case "invalid_key":
            return "has a key that is not text; put the key in quotes"
        case "int_parsing_size":
            return "is too large; use a smaller number"
        case "int_from_float" | "int_parsing" | "int_type":
            return f"{_kind(value)}; write a whole number{_unquoted(value)}"
        case "bool_type" | "bool_parsing":
            return f"{_kind(value)}; write true or false, without quotes"
        case "string_type":
            return f"{_kind(value)}; write text{' in quotes' if isinstance(value, int | float) else ''}"
        case "list_type":
            return f"{_kind(value)}; write a list, e.g. [a, b], or remove the key for the default"
        case "model_type" | "model_attributes_type" | "dict_type":
            name = "a name, or " if isinstance(path[-1], int) else ""
            return f"{_kind(value)}; write {name}a mapping of keys and values"
    return f"is not valid ({kind.replace('_', ' ')}); see docs/settings.md"


def _not_one_of(value: Any, context: Mapping[str, Any]) -> str:
    choices = _choices(str(context.get("expected") or context.get("expected_tags") or ""))
    if isinstance(value, bool) and "on" in choices:
        return f'is read by YAML as {str(value).lower()}; write "{"on" if value else "off"}", in quotes'
    if not isinstance(value, str):
        numbers = all(re.fullmatch("[0-9]+", choice) for choice in choices)
        if numbers and isinstance(value, int) and not isinstance(value, bool):
            return f"{value} is not one of the values; use {_or(choices)}"
        return f"{_kind(value)}; use {_or(choices)}"
    if value in choices:
        return f"is {value} in quotes; write {value} without quotes"
    near = nearest(value, choices)
    return f"{shown(value)} is not one of the values; use {_or(choices)}" + (f" (nearest: {near})" if near else "")


def _choices(expected: str) -> list[str]:
    """The values in pydantic's "'a', 'b' or 'c'"."""
    return [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(", ") if part.strip()]


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "a listed one"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "is empty"
        case bool():
            return f"is the boolean {str(value).lower()}"
        case int():
            return "is a number"
        case float():
            return "is a fraction" if not value.is_integer() else "is a number with a decimal point"
        case str() if re.fullmatch("[-+]?0[0-9]+", value):
            return "is text because of its leading zero"
        case str() if re.fullmatch(r"[-+]?[0-9]+\.?[0-9]*", value.strip()):
            return "is a number in quotes, which is text"
        case str() if value.lower() in {"true", "false", "yes", "no", "on", "off", "y", "n"}:
            return f'is the text "{value.lower()}", not a boolean'
        case str():
            return "is text"
        case list():
            return "is a list"
        case dict():
            return "is a mapping"
    return "is of another type"


def _unquoted(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch("0+[1-9][0-9]{0,8}", value):
        return f", {value.lstrip('0')}"
    return " without quotes" if isinstance(value, str) else ""


# --- Unknown keys ----------------------------------------------------------------------------------------------------


def unknown_key(path: Path, raw: Any, root: type[BaseModel]) -> str:
    """`state; fix` of a key that the model does not have."""
    key = str(path[-1])
    model = model_at(path[:-1], raw, root)
    if model is NginxConfig and (answer := retired(key)):
        return "; ".join(answer)
    valid = keys(model) if model else []
    for role, other in _other_roles(model, root):
        if key in keys(other):
            return f"is a key of {role} only; remove it"
    if owner := _variant_with(path, key, root):
        return f"is a key of {owner} only; remove it, or choose that"
    if near := nearest(key, valid):
        return f"is not a known key; use {near}"
    if place := _elsewhere(key, root):
        return f"is not a known key here; it belongs to {place}"
    if len(valid) > 12:
        return "is not a known key; see docs/settings.md for the valid ones"
    return f"is not a known key; use {_or(valid)}"


def _other_roles(model: type[BaseModel] | None, root: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """For what describes a node of one role, or its ports: the other role's name, and what describes that."""
    for source in models_in(root.model_fields["nodes"].annotation):
        fields = source.model_fields
        if not {"control_planes", "workers"} <= set(fields):
            continue
        plane, worker = (next(models_in(fields[kind].annotation)) for kind in ("control_planes", "workers"))
        pairs = [(plane, worker)]
        if "ports" in plane.model_fields and "ports" in worker.model_fields:
            of_plane, of_worker = (next(models_in(node.model_fields["ports"].annotation)) for node in (plane, worker))
            pairs.append((of_plane, of_worker))
        for one, other in pairs:
            if model is one and one is not other:
                yield "workers", other
            elif model is other and one is not other:
                yield "control planes", one


def nearest(word: str, choices: Sequence[str]) -> str | None:
    """The choice that is most like the word, however it is dashed and capitalised; None when none is near."""
    plain = {choice.replace("_", "-").lower(): choice for choice in choices}
    found = difflib.get_close_matches(word.replace("_", "-").lower(), list(plain), n=1, cutoff=0.7)
    return plain[found[0]] if found else None


def keys(model: type[BaseModel]) -> list[str]:
    """The model's keys as a file writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def model_at(path: Path, raw: Any, root: type[BaseModel]) -> type[BaseModel] | None:
    """The model of the mapping at a place in the file; None where there is none."""
    model: type[BaseModel] | None = root
    for index, part in enumerate(path):
        if isinstance(part, int):
            continue
        field = next((f for n, f in model.model_fields.items() if part in {n, f.alias}), None) if model else None
        if field is None:
            return None
        model = _pick(list(models_in(field.annotation)), value_at(path[: index + 1], raw), str(part))
    return model


def example_of(path: Path, raw: Any, root: type[BaseModel]) -> Any:
    """The first example that a field's declaration gives; None where it gives none."""
    model = model_at(path[:-1], raw, root)
    fields = model.model_fields.items() if model else ()
    field = next((field for name, field in fields if path[-1] in {name, field.alias}), None)
    return field.examples[0] if field and field.examples else None


def flow(value: Any) -> str:
    """The value as a file may write it in one line, e.g. [{name: cp1, etcd_disk: LABEL=etcd}]."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return str(value)


def _pick(models: Sequence[type[BaseModel]], value: Any, section: str) -> type[BaseModel] | None:
    tag = TAGS.get(section)
    if tag and isinstance(value, Mapping):
        for model in models:
            if model.model_fields[tag].default == value.get(tag):
                return model
    return models[0] if models else None


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names, through unions, lists and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not None or get_origin(annotation) in (Annotated, Union):
        for part in get_args(annotation):
            yield from models_in(part)


def _tags(section: str) -> set[Any]:
    from fjordkube.settings.stack import Stack

    models = models_in(Stack.model_fields[section].annotation)
    return {model.model_fields[TAGS[section]].default for model in models}


def _variant_with(path: Path, key: str, root: type[BaseModel]) -> str | None:
    if len(path) != 2 or path[0] not in TAGS:
        return None
    section = str(path[0])
    for model in models_in(root.model_fields[section].annotation):
        if key in keys(model):
            return f"{section}.{TAGS[section]} {model.model_fields[TAGS[section]].default}"
    return None


def _elsewhere(key: str, root: type[BaseModel]) -> str | None:
    for section, field in root.model_fields.items():
        if any(key in keys(model) for model in models_in(field.annotation)) and key not in {"version", "enabled"}:
            return f"{section}.{key}"
    return None
