"""A stack file's text as plain data: one meaning, whoever reads it, or a refusal of one line.

Owns what YAML would let pass: other encodings, keys twice, anchors and tags, numbers and dates that two readers take
for different things, and settings outside their place. Leaves what the settings say to `loading.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from fjordkube.errors import SettingsError
from fjordkube.settings import secrets
from fjordkube.settings.stack import Stack
from fjordkube.settings.types import shown

KEY: Final = "fjordkube:stack"
"""Where settings stand below `config`."""

LARGEST: Final = 1 << 20
"""Bytes of a stack file; a thousand nodes with labels and addresses of their own are a tenth of it."""

DEEPEST: Final = 32
"""Levels of a stack file; settings have eight, and PyYAML overflows Python's stack from some hundreds on."""

LONGEST: Final = 19
"""Digits of a number; 64 bits hold no more."""

DIGITS: Final = 1000
"""Digits of a number that Python may still turn into text (4,300 at most); fields' own bounds are far below."""

_OURS: Final = ("config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment")
"""Keys of a stack file that the engine knows (Pulumi's documentation of stack settings)."""

_TAG: Final = "tag:yaml.org,2002:"
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_ZERO: Final = re.compile(r"[-+]?0[0-9_]+")
_RADIX: Final = re.compile(r"[-+]?0([xX][0-9a-fA-F_]+|b[01_]+|o[0-7]+)")
_FLOAT: Final = re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+][0-9]+)?")
_POWER: Final = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")
# C0 without tab and line ends, DEL, C1, and halves of UTF-16 pairs, which no output can be encoded with
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_QUOTE: Final = "put it in quotes where it is text"


def read(path: Path) -> dict[str, Any]:
    """The file's mapping; an empty file is an empty one. Raises SettingsError, whatever the file holds."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read ({error.strerror}); name a file that you may read"]) from None
    return parse(data, str(path))


def parse(data: bytes, name: str) -> dict[str, Any]:
    """The same of the bytes of a file of that name."""
    root = _composed(data, name)
    if root is None:
        return {}
    problems: list[str] = []
    content = _value(root, (), problems)
    if problems:
        raise SettingsError(problems)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError([f"{name}: holds {type(content).__name__}; a stack file is a mapping with `config:`"])
    problems = list(_misplaced(content, name))
    if problems:
        raise SettingsError(problems)
    return content


def check(value: Any) -> None:
    """Raises SettingsError for data that no stack file can mean: itself inside itself, dates, absurd numbers.

    The engine reads a stack file by itself; this is what can be seen of it afterwards.
    """
    if problems := list(_strange(value, (), ())):
        raise SettingsError(problems)


# --- YAML's own level ------------------------------------------------------------------------------------------------


class _Refused(yaml.YAMLError):
    def __init__(self, line: int, state: str, fix: str) -> None:
        super().__init__(state)
        self.line, self.state, self.fix = line, state, fix


class _Loader(yaml.SafeLoader):
    """PyYAML's safe one, which resolves types; what YAML can say and a stack file need not is refused."""

    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            raise _Refused(line, "has an alias (*)", "write the value out again")
        if event.anchor is not None:
            raise _Refused(line, "has an anchor (&)", "remove it, and write the value out wherever it is meant")
        if event.tag is not None:
            raise _Refused(line, "has a tag (!)", "remove it; text that looks like a number goes in quotes")
        if self.depth == DEEPEST:
            raise _Refused(line, f"is nested deeper than {DEEPEST} levels", "no setting is so deep")
        self.depth += 1
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _composed(data: bytes, name: str) -> Node | None:
    """The file's one document; None of an empty file."""
    if len(data) > LARGEST:
        raise SettingsError([f"{name}: has {len(data)} bytes, more than {LARGEST}; this is no stack file"])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError([f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8"]) from None
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        where = len(text[: error.position].encode())
        fix = "save it as UTF-8 text" if not error.character else "remove it"
        raise SettingsError([f"{name}: byte {where} is no character of text; {fix}"]) from None
    try:
        node: Node | None = loader.get_single_node()
        return node
    except _Refused as error:
        raise SettingsError([f"{name}: line {error.line} {error.state}; {error.fix}"]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        problem = _UNPRINTABLE.sub("?", getattr(error, "problem", None) or "mend its syntax")
        raise SettingsError([f"{name}: not valid YAML{at}; {problem}"]) from None
    except (ValueError, OverflowError):
        # an escape such as "\UFFFFFFFF", or a %YAML line with thousands of digits
        line = loader.get_mark().line + 1
        raise SettingsError([f"{name}: not valid YAML at line {line}; no such character or number"]) from None
    finally:
        loader.dispose()


# --- Values ----------------------------------------------------------------------------------------------------------

_Place = tuple[str | int, ...]


def _value(node: Node, place: _Place, problems: list[str]) -> Any:
    if isinstance(node, MappingNode):
        return _mapping(node, place, problems)
    if isinstance(node, SequenceNode):
        return [_value(item, (*place, index), problems) for index, item in enumerate(node.value)]
    assert isinstance(node, ScalarNode)
    refused = _scalar_problem(node)
    if refused:
        problems.append(f"{_name(place)}: {shown(node.value)} at line {_line(node)} {refused}")
        return None
    match node.tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return yaml.SafeLoader.bool_values[node.value.lower()]
        case "int":
            return int(node.value)
        case "float":
            return float(node.value)
    return node.value


def _mapping(node: MappingNode, place: _Place, problems: list[str]) -> dict[str, Any]:
    lines: dict[str, int] = {}
    content: dict[str, Any] = {}
    for key, value in node.value:
        line = _line(key)
        if not isinstance(key, ScalarNode) or key.tag != _TAG + "str" or _scalar_problem(key):
            what = f"the key {shown(key.value)}" if isinstance(key, ScalarNode) and key.value else "a key"
            why = _key_kind(key)
            problems.append(f"{_name(place)}: {what} at line {line} {why}; {_QUOTE}")
            continue
        if key.value in lines:
            state = f"stands at line {lines[key.value]} and again at line {line}"
            problems.append(f"{_name((*place, key.value))}: {state}; keep one")
        lines[key.value] = line
        content[key.value] = _value(value, (*place, key.value), problems)
    return content


def _key_kind(key: Node) -> str:
    kinds = {"bool": "is read as true or false", "null": "is empty", "merge": "merges mappings, which is not taken"}
    return kinds.get(key.tag.removeprefix(_TAG), "is not text")


def _scalar_problem(node: ScalarNode) -> str | None:
    """What is wrong with a text in the file, and what to write; None when it has one meaning."""
    text, tag = node.value, node.tag.removeprefix(_TAG)
    if _UNPRINTABLE.search(text):
        return "holds a character that cannot be printed; remove it"
    if node.style is not None:
        return None
    digits = text.lstrip("+-").replace("_", "")
    if _ZERO.fullmatch(text):
        return f"starts with 0, which some read as octal; write {digits.lstrip('0') or '0'}, or {_QUOTE}"
    if _RADIX.fullmatch(text):
        return f"is a number to another base than ten; write it in decimal digits, or {_QUOTE}"
    if tag == "timestamp":
        return f"is read as a date; {_QUOTE}"
    if tag in {"int", "float"} and ":" in text:
        return f"is read as a number to the base 60; write one whole number, or {_QUOTE}"
    if tag in {"int", "float"} and len(digits) > LONGEST:
        return f"has {len(digits)} digits; no setting takes so long a number"
    if tag in {"int", "float"} and "_" in text:
        return f"has _ between digits; write {digits}, or {_QUOTE}"
    if _POWER.fullmatch(text):
        return f"is a number to some readers and text to others; write it without e, or {_QUOTE}"
    whole = {"int": _INT, "float": _FLOAT}.get(tag)
    if whole is not None and (not whole.fullmatch(text) or not math.isfinite(float(text))):
        return f"is not a plain number; write one in decimal digits, or {_QUOTE}"
    if tag not in {"null", "bool", "int", "float", "str"}:
        return f"has a meaning of its own in YAML; {_QUOTE}"
    return None


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _name(place: _Place) -> str:
    """The field as messages name it, below the settings' own key; a long or odd key is not repeated."""
    text = ""
    for part in place[2:] if place[:2] == ("config", KEY) else place:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        word = part if part == KEY or shown(part) == part else "(a key)"
        text += f".{word}" if text else word
    return text or ("the stack" if place else "the file")


# --- Places ----------------------------------------------------------------------------------------------------------


def _misplaced(content: Mapping[str, Any], name: str) -> Iterator[str]:
    """What would be taken for no settings at all, and so for the default cluster."""
    place = f"write it under `config:` and `{KEY}:`"
    for key in content:
        if key in _OURS:
            continue
        if key in Stack.model_fields or key.partition(":")[0] == "fjordkube":
            yield f"{_name((key,))}: stands at the top of the file, where nothing reads it; {place}"
        else:
            yield f"{_name((key,))}: is no key of a stack file; settings stand under `config:` and `{KEY}:`"
    config = content.get("config")
    if config is None:
        return
    if not isinstance(config, dict):
        yield f"{name}: `config` is {type(config).__name__}; it is a mapping"
        return
    for key in config:
        if key in (KEY, *secrets.NAMES):
            continue
        if key in Stack.model_fields or key == "stack" or key.partition(":")[0] == "fjordkube":
            yield f"{_name(('config', key))}: stands beside `{KEY}:`, where nothing reads it; {place}"
    stack = config.get(KEY)
    if stack is not None and not isinstance(stack, dict):
        yield f"{KEY}: is not a mapping but {kind(stack)}; write keys such as `nodes:` under it"


def kind(value: object) -> str:
    """What YAML made of a value, in words."""
    names = {str: "text", list: "a list", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "something else")


def _strange(value: Any, place: _Place, around: tuple[int, ...]) -> Iterator[str]:
    where = _name(("config", KEY, *place))
    if id(value) in around or len(place) > DEEPEST:
        yield f"{where}: contains itself, or is nested deeper than {DEEPEST} levels; write its values out"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str):
                yield from _strange(item, (*place, key), (*around, id(value)))
            elif place:
                # among sections, where the key is said by itself, `load` tells it beside all else
                yield f"{where}: has a key that is not text but {kind(key)}; put the key in quotes"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strange(item, (*place, index), (*around, id(value)))
    elif isinstance(value, str):
        if _UNPRINTABLE.search(value):
            yield f"{where}: holds a character that cannot be printed; remove it"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{where}: is not a plain number; write one in decimal digits"
    elif isinstance(value, int) and abs(value) >= 10**DIGITS:
        yield f"{where}: has more than {DIGITS} digits; no setting takes so long a number"
    elif value is not None and not isinstance(value, int | float):
        yield f"{where}: is of a type that no setting has ({type(value).__name__}); {_QUOTE}"
