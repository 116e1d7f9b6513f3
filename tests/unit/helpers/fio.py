"""What fio 3.33 wrote about a real disk, cut to what is read of it, with other figures put in."""

from __future__ import annotations

import json


def said(p99_ms: float = 3.2, iops: float = 1210.4, p50_ms: float = 0.6) -> str:
    """fio's JSON as gate-disk.sh hands it on: blanks squeezed, a note before it."""
    percentile = {"1.000000": 94720, "50.000000": p50_ms * 1e6, "99.000000": p99_ms * 1e6, "99.990000": 110624768}
    job = {
        "jobname": "etcd",
        "error": 0,
        "read": {"iops": 0.0, "total_ios": 0},
        "write": {"iops": iops, "runtime": 13100, "total_ios": 10029, "clat_ns": {"percentile": {"99.000000": 34048}}},
        "sync": {"total_ios": 0, "lat_ns": {"min": 67316, "max": 113053272, "N": 10029, "percentile": percentile}},
    }
    text = json.dumps({"fio version": "fio-3.33", "jobs": [job], "disk_util": [{"name": "vdb"}]})
    return "note: both iodepth >= 1 and synchronous I/O engine are selected " + text


DD = "1073741824 bytes (1.1 GB, 1.0 GiB) copied, 2.237 s, 480 MB/s"
