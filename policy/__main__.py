"""The pack: every rule. Run by the engine (`pulumi preview --policy-pack policy`), which speaks to it by gRPC."""

from __future__ import annotations

import sys
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policy import shortcut
from policy.rules import RULES

shortcut.install(RULES)
PolicyPack(name="fjordkube", policies=[*RULES], enforcement_level=EnforcementLevel.MANDATORY)
