"""Values of one field of the settings' model, walked by its type: good ones at their bounds, bad ones one step beyond.

Owns the walk. Leaves texts to `words.py`, and what goes together in a stack to `stacks.py`.
"""

from __future__ import annotations

import copy
import inspect
import types as python
from collections.abc import Callable
from random import Random
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MinLen
from pydantic import BaseModel

from tests.generated import words

WRONG_TYPES: Final[tuple[Any, ...]] = ("text", "1", 1, 1.5, True, None, [], {}, [1], {"a": "b"}, "")


class Walk:
    """Makes values; each leaf is a bad one with probability `mischief`."""

    def __init__(self, chance: Random, mischief: float = 0.0) -> None:
        self.chance, self.mischief = chance, mischief

    def model(self, model: type[BaseModel], share: float, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """A mapping with all required fields of a model, and each of the others with probability `share`."""
        found = {}
        for name, field in model.model_fields.items():
            if name not in without and (field.is_required() or self.chance.random() < share):
                parts = words.flattened(field.metadata)
                found[field.alias or name] = self.value(field.annotation, parts, share)
        return found

    def value(self, kind: Any, parts: list[Any], share: float = 0.3) -> Any:
        """One value of a type, with what is written beside it."""
        if get_origin(kind) is Annotated:
            inner, *more = get_args(kind)
            return self.value(inner, [*words.flattened(more), *parts], share)
        if self.chance.random() < self.mischief:
            return self.bad(kind, parts)
        return self._good(kind, parts, share)

    def _good(self, kind: Any, parts: list[Any], share: float) -> Any:
        pick = self.chance.choice
        if words.validators(parts) and _is_leaf(kind):
            return pick([*words.samples(parts).good, *_ends(parts)]) if not _is_number(kind) else self._number(parts)
        if get_origin(kind) in (Union, python.UnionType):
            return self.value(pick(get_args(kind)), [], share)
        if get_origin(kind) is Literal:
            return pick(get_args(kind))
        if get_origin(kind) is list:
            least = next((part.min_length for part in parts if isinstance(part, MinLen)), 0)
            return [self.value(get_args(kind)[0], [], share) for _ in range(max(least, pick([0, 1, 1, 2, 3])))]
        if get_origin(kind) is dict:
            key, value = get_args(kind)
            return {str(self.value(key, [])): self.value(value, []) for _ in range(pick([0, 1, 2]))}
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            return self.model(kind, share)
        if kind is bool:
            return pick([True, False])
        if kind is int:
            return self._number(parts)
        return None if kind is type(None) else pick(words.samples(parts).good)

    def _number(self, parts: list[Any]) -> int:
        least, most = _bounds(parts)
        return self.chance.choice([least, most, least + 1, most - 1, self.chance.randint(least, most)])

    def bad(self, kind: Any, parts: list[Any]) -> Any:
        """One that is not taken, most of the time: just beyond, of another type, or anything."""
        pick = self.chance.choice
        choices: list[Callable[[], Any]] = [lambda: pick(WRONG_TYPES), lambda: pick(words.HOSTILE)]
        if kind is int and not isinstance(next(iter(parts), None), str):
            least, most = _bounds(parts)
            choices += [lambda: pick([least - 1, most + 1, str(least), float(most)])] * 4
        elif kind is str or (words.validators(parts) and _is_leaf(kind)):
            choices += [lambda: pick(words.samples(parts).bad)] * 4
        elif get_origin(kind) is Literal:
            choices += [lambda: f"{pick(get_args(kind))}x", lambda: str(pick(get_args(kind))).upper()]
        # what is changed later is this one alone
        return copy.deepcopy(pick(choices)())


def _is_leaf(kind: Any) -> bool:
    return get_origin(kind) not in (list, dict)


def _is_number(kind: Any) -> bool:
    return kind is int


def _bounds(parts: list[Any]) -> tuple[int, int]:
    least = max((int(str(part.ge)) for part in parts if isinstance(part, Ge)), default=-(2**31))
    return least, min((int(str(part.le)) for part in parts if isinstance(part, Le)), default=2**31)


def _ends(parts: list[Any]) -> list[str]:
    """The bounds of `settings.types.within`, which its function alone knows."""
    held = [inspect.getclosurevars(part).nonlocals for part in words.validators(parts)]
    bounds = [(names["least"], names["most"]) for names in held if {"least", "most"} <= names.keys()]
    return [*bounds[-1]] * 3 if bounds else []
