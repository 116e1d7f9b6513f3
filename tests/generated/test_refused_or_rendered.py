"""10,000 stack files from seeds: each is refused with named fields, or everything of it renders.

A failure names its seed; `stack_file(seed)` is the file. What renders is put before the real consumers by
tests/engine/test_consumers.py, in a sample.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unittest import mock

import pytest
import yaml

from fjordkube.bootstrap import configuration
from fjordkube.errors import SettingsError
from fjordkube.settings import Stack, load, reading
from tests.generated.rendering import rendered
from tests.generated.stacks import stack_file

FILES = 10_000
PART = 250
LONGEST = 40
"""Lines of a refusal."""
LINE = re.compile(r"[^\s:][^;]*?: \S.*; \S.*", re.DOTALL)
"""field: state; fix."""


class _Quick(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: object) -> bool:
        return True


@pytest.fixture(autouse=True)
def _quick_dumper() -> Iterator[None]:
    """libyaml's writer, ten times as quick: what can be written, and what is an error, is the same."""
    with mock.patch.object(configuration, "_Plain", _Quick), mock.patch.object(yaml, "SafeDumper", _Quick):
        yield


def loaded(data: bytes) -> Stack:
    """The stack of a file's bytes. SettingsError."""
    return load((reading.parse(data, "FILE").get("config") or {}).get(reading.KEY))


def _refused_well(error: SettingsError) -> bool:
    lines = str(error).splitlines()
    named = all(LINE.fullmatch(problem) and problem.isprintable() for problem in error.problems)
    return named and len(lines) <= LONGEST and all(len(line) < 600 for line in lines)


@pytest.mark.parametrize("first", range(0, FILES, PART))
def test_a_file_is_refused_with_named_fields_or_renders(first: int) -> None:
    renders = 0
    for seed in range(first, first + PART):
        data = stack_file(seed)
        try:
            stack = loaded(data)
            rendered(stack)
        except SettingsError as refusal:
            badly = None if _refused_well(refusal) else f"seed {seed}: {refusal}"
            assert not badly, badly
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{data.decode(errors='replace')}") from error
        else:
            renders += 1
    # neither side of the property may fade away
    assert PART * 0.35 < renders < PART * 0.75


def test_a_seed_is_one_file_everywhere() -> None:
    assert [stack_file(seed) for seed in range(20)] == [stack_file(seed) for seed in range(20)]
