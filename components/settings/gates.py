"""The measurements that must hold before `up` says done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from fjordkube.settings.base import Settings
from fjordkube.settings.types import Count, Flag, Whole, refusal


class DiskGate(Settings):
    """Whether the disk that etcd will use is fast enough; measured on each control plane before etcd starts.

    The bounds are etcd's own: its FAQ asks for a 99th percentile of fdatasync below 10 ms, its page on hardware for 50
    sequential IOPS, and for 500 under heavy load.
    """

    enabled: Flag = True
    """Whether to measure, e.g. true."""
    fdatasync_p99_ms: Annotated[Whole, Field(ge=1, le=10000)] = 10
    """Milliseconds that 99 of 100 fdatasync calls may take at the most, e.g. 10."""
    iops: Annotated[Whole, Field(ge=1, le=1000000)] = 50
    """Sequential writes per second, each followed by fdatasync, that there must be, e.g. 50."""
    recommended_iops: Annotated[Whole, Field(ge=1, le=1000000)] = Field(default=500, validate_default=True)
    """The same for a busy cluster, e.g. 500; a disk below it passes, and its row says so."""
    enforce: Literal["auto", "always", "never"] = "auto"
    """Whether a slow disk fails `up`: always, never, or auto (yes, except where machines are emulated: an emulated
    disk proves nothing about the one that you will rent). Where it does not fail, the row says why."""
    measurement: Count = 1
    """Another number measures again, e.g. 2; with the same one a disk that was measured is not written to again."""

    @field_validator("recommended_iops")
    @classmethod
    def _not_below_what_is_required(cls, value: int, info: ValidationInfo) -> int:
        least = info.data.get("iops")
        if least is not None and value < least:
            raise refusal(f"{value} is below gates.disk.iops {least}", f"use {least} or more")
        return value


class Gates(Settings):
    """Whether and how long to measure."""

    enabled: Flag = True
    """Whether `up` fails when a promise does not hold, e.g. true. Without it nothing is measured, disks neither."""
    timeout_seconds: Annotated[Whole, Field(ge=10, le=7200)] | None = None
    """How long a gate may wait for its promise, in seconds, e.g. 300. None: 300 native, 1200 emulated
    (cluster.timing). The disk gate waits for nothing."""
    disk: DiskGate = Field(default_factory=DiskGate)
    """The disk under etcd."""
