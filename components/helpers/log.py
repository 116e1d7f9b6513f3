"""Words for whoever watches: one line on stderr, at once."""

from __future__ import annotations

import sys


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
