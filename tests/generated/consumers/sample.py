"""The files of the generated ones that are put before real consumers: the first that render, with all that they render.

Owns the choice. A case is named by its seed.
"""

from __future__ import annotations

from functools import cache
from itertools import count

from fjordkube.errors import SettingsError
from tests.generated.rendering import Rendered, rendered
from tests.generated.stacks import stack_file
from tests.generated.test_refused_or_rendered import loaded

SIZE = 300


@cache
def sample() -> dict[int, Rendered]:
    """By seed."""
    found: dict[int, Rendered] = {}
    for seed in count():
        if len(found) == SIZE:
            return found
        try:
            found[seed] = rendered(loaded(stack_file(seed)))
        except SettingsError:
            continue
    raise AssertionError
