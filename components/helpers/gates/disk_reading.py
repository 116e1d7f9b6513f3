"""What gate-disk.sh said about a disk, read: fio's JSON, dd's last line, and what holds the data.

Owns the texts of fio and dd. Leaves whether that is fast enough to disk.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import HelperError

P50, P99 = "50.000000", "99.000000"
"""How fio names its percentiles."""

_COPIED = re.compile(r"^(?P<bytes>\d+) bytes .*copied, (?P<seconds>[\d.e+-]+) s")


def figures(node: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer as figures: milliseconds, writes per second, MB (10^6 bytes) per second; None where nothing was
    measured. HelperError when the answer is none, or fio's words hold no latencies."""
    try:
        found: dict[str, Any] = {
            "path": answer["path"],
            "file_system": answer["file_system"],
            "device": _shown(answer),
            "disk": answer["disk"],
            "transport": answer["transport"],
            "model": answer["model"],
            "rotational": answer["rotational"],
            "size_bytes": answer["size_bytes"],
            "cached": answer["cached"],
            "living": answer["living"],
            "measurement": answer["measurement"],
            "refused": answer["refused"],
        }
        said = answer["fio"]
        written = answer["dd"]
    except KeyError as error:
        raise HelperError(f"{node}: what its disk was asked gave no answer ({error} is missing)") from None
    return found | _fio(node, said) | _dd(written)


def _shown(answer: Mapping[str, Any]) -> str:
    """vdb, or vg-etcd instead of dm-0; what stands for it where there is no device, e.g. nas:/etcd."""
    source = str(answer["source"])
    if not answer["device"]:
        return source
    return source.partition("[")[0].rpartition("/")[2] if source.startswith("/dev/mapper/") else str(answer["device"])


def _fio(node: str, said: str) -> dict[str, Any]:
    if not said:
        return {"fdatasync_p99_ms": None, "fdatasync_p50_ms": None, "iops": None, "writes": 0}
    try:
        # notes may stand before it
        job = json.JSONDecoder().raw_decode(said[said.index("{") :])[0]["jobs"][0]
        percentile = job["sync"]["lat_ns"]["percentile"]
        written = job["write"]
        return {
            "fdatasync_p99_ms": _milliseconds(percentile[P99]),
            "fdatasync_p50_ms": _milliseconds(percentile[P50]),
            "iops": round(written["iops"], 1),
            "writes": written["total_ios"],
        }
    except (ValueError, KeyError, IndexError, TypeError):
        why = f"fio told no latencies of fdatasync; use fio 3.5 or newer. It said: {said[:200]}"
        raise HelperError(f"{node}: {why}") from None


def _milliseconds(nanoseconds: float) -> float:
    return round(nanoseconds / 1e6, 3)


def _dd(said: str) -> dict[str, Any]:
    copied = _COPIED.match(said)
    if not copied or not float(copied["seconds"]):
        return {"dd_mb_per_s": None, "dd_mib": 0}
    speed = int(copied["bytes"]) / float(copied["seconds"]) / 1e6
    return {"dd_mb_per_s": round(speed, 1), "dd_mib": int(copied["bytes"]) // 2**20}
