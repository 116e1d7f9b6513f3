"""The pack: every rule. Run by the engine (`pulumi preview --policy-pack policy`), which speaks to it by gRPC."""

from __future__ import annotations

import sys
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policy import encryption, exposure, labels, norway, protection

PolicyPack(
    name="fjordkube",
    policies=[policy for module in (norway, exposure, protection, encryption, labels) for policy in module.POLICIES],
    enforcement_level=EnforcementLevel.MANDATORY,
)
