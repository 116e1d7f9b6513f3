"""Bounds of gates: refused with field, state and fix."""

from __future__ import annotations

from typing import Any

import pytest

from fjordkube.settings import load
from tests.unit.refusals import at, problems


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("fdatasync_p99_ms", 0, "0 is too small; use 1 or more"),
        ("fdatasync_p99_ms", 2.5, "is a fraction; write a whole number"),
        ("iops", "50", "is a number in quotes, which is text; write a whole number without quotes"),
        ("measurement", 0, "0 is too small; use 1 or more"),
        ("enforce", "sometimes", "sometimes is not one of the values; use auto, always or never"),
        ("recommended_iops", 49, "49 is below gates.disk.iops 50; use 50 or more"),
        ("enabled", "yes", 'is the text "yes", not a boolean; write true or false, without quotes'),
    ],
)
def test_what_no_disk_can_be_held_to_is_refused(field: str, value: Any, message: str) -> None:
    assert problems(at(f"gates.disk.{field}", value)) == [f"gates.disk.{field}: {message}"]


def test_the_recommended_default_must_not_be_below_what_is_required() -> None:
    message = "gates.disk.recommended_iops: 500 is below gates.disk.iops 1000; use 1000 or more"
    assert problems(at("gates.disk.iops", 1000)) == [message]


def test_bounds_are_etcds_own_unless_the_settings_say() -> None:
    found = load({}).gates.disk
    assert (found.fdatasync_p99_ms, found.iops, found.recommended_iops) == (10, 50, 500)
    assert (found.enabled, found.enforce, found.measurement) == (True, "auto", 1)
