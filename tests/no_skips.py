"""CI skips nothing: where `CI` is set, a test that would be skipped fails, and says what was missing.

A desk may lack a program. CI sets up what tests need before the first of them (`python -m commands setup`), so that a
skip there is a test that silently went away.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


def _failed(report: Any) -> Any:
    # an expected failure is no skip, although pytest reports it as one
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"skipped where CI is set, which skips nothing: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Of a test, its set-up and its end."""
    return _failed((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Of a whole module."""
    return _failed((yield))
