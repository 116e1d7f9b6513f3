"""The tables of zones that settings are judged by, for the pack.

Read from its file: importing `components.settings` would load the whole model, a quarter of a second in every preview.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fjordkube.settings import residency
else:
    _file = Path(__file__).resolve().parents[1] / "components" / "settings" / "residency.py"
    _spec = importlib.util.spec_from_file_location("policy_residency_tables", _file)
    residency = importlib.util.module_from_spec(_spec)
    sys.modules[_spec.name] = residency  # dataclasses look their module up
    _spec.loader.exec_module(residency)

__all__ = ["residency"]
