"""Every rule of the pack, in the order in which a report has them."""

from __future__ import annotations

from typing import Final

from policy import encryption, exposure, labels, norway, protection
from policy.resource import Rule

RULES: Final[tuple[Rule, ...]] = (
    *norway.RULES,
    *exposure.RULES,
    *protection.RULES,
    *encryption.RULES,
    *labels.RULES,
)
