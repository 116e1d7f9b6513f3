"""Lines of progress: whole, whoever else speaks."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from commands import console
from offline import build


class Slow(io.StringIO):
    """A terminal that lets others in after each write."""

    def write(self, text: str) -> int:
        written = super().write(text)
        time.sleep(0.001)
        return written


@pytest.mark.parametrize("say", [console.say, build.say])
def test_lines_of_several_threads_do_not_mix(say: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    out = Slow()
    monkeypatch.setattr(sys, "stdout", out)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: say(f"step {number}"), range(40)))
    lines = [re.sub(r"^\[ *\d+:\d\d\] ", "", line) for line in out.getvalue().splitlines()]
    assert sorted(lines) == sorted(f"step {number}" for number in range(40))
