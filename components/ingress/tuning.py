"""nginx's tuning as the controller reads it: a ConfigMap of strings.

Owns the ConfigMap's data and the times that follow from it. Leaves keys, types, ranges and their sources to
`settings.NginxConfig`, and what a node must offer in return (somaxconn, ports, open files) to `components/host`.
"""

from __future__ import annotations

import re

from fjordkube.settings import NginxConfig

UNHEALTHY_SECONDS = 10
"""Time between answering 500 on /healthz and the drain: two looks of a balancer that looks every 5 s."""
AFTERMATH_SECONDS = 10
"""What the controller waits after nginx has ended, its own default (--post-shutdown-grace-period)."""
_SPARE_SECONDS = 40
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "": 1}


def tuning(config: NginxConfig) -> dict[str, str]:
    """Data of the ConfigMap, sorted by key as the API gives it back.

    Every tuned value is written, also where it is the controller's default: what nginx runs with is read off one
    object, and another controller version with other defaults changes none of it unseen.
    """
    return dict(sorted(config.config_map().items()))


def seconds(duration: str) -> int:
    """nginx's way of writing a time, in whole seconds, rounded up: 240s, 5m, 1h 30m, 90, 500ms."""
    total = 0.0
    for part in duration.split():
        match = re.fullmatch(r"(\d+)(ms|s|m|h|d|)", part)
        if match is None:
            raise ValueError(f"{duration!r} is not a time as nginx writes it, e.g. 240s or 5m")
        total += int(match[1]) * _UNITS[match[2]]
    return int(-(-total // 1))


def grace_seconds(config: NginxConfig) -> int:
    """How long a pod may take to end: unhealthy first, then nginx's drain, then the controller's own end.

    300 s, as upstream, for the default drain of 240 s. The kubelet kills what is left, open requests included.
    """
    drain = seconds(str(config.worker_shutdown_timeout))
    return UNHEALTHY_SECONDS + drain + AFTERMATH_SECONDS + _SPARE_SECONDS
