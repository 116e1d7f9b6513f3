"""What was seen of a cluster: each node's facts, or why it told none.

Owns reading the answer of the helper's verb health. Leaves what facts mean to the modules beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fjordkube.helpers.survey.asking import Answer


@dataclass(frozen=True)
class Seen:
    """Everything that is judged."""

    nodes: Mapping[str, Answer]
    """By name, those that answered."""
    silent: Mapping[str, str]
    """Why the others did not."""
    now: float
    """Seconds since the epoch, by this computer's clock."""
    local: bool = False
    """Whether nodes are virtual machines of this computer, which has given them their clocks."""

    @staticmethod
    def of(answer: Mapping[str, Any], now: float, local: bool = False) -> Seen:
        """From what the helper printed."""
        told = answer["nodes"].items()
        return Seen(
            {name: Answer(each["facts"], each["begun"], each["ended"]) for name, each in told if "facts" in each},
            {name: each["silent"] for name, each in told if "silent" in each},
            now,
            local,
        )

    @property
    def names(self) -> list[str]:
        """Every node of the stack's state."""
        return [*self.nodes, *self.silent]


def read(text: str) -> dict[str, Any]:
    """A JSON object; empty where the text is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
