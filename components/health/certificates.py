"""Days until a node's certificates end, and who renews which."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Final

from fjordkube.health.rows import Row, State
from fjordkube.helpers.survey.asking import Answer

SOON_DAYS: Final = 30
"""kubeadm's live for a year; the kubelet renews its own when a fifth of theirs is left, so that these are late too."""

RENEWED: Final = (
    "there, one control plane after the other: kubeadm certs renew all, and /etc/kubernetes/manifests moved away for "
    "20 s, so that its parts start anew"
)
KUBELETS: Final = "the kubelet renews it by itself: journalctl -u kubelet tells why it has not"
SELF_SIGNED: Final = "there: rm /var/lib/kubelet/pki/kubelet.crt /var/lib/kubelet/pki/kubelet.key, restart kubelet"
AUTHORITY: Final = (
    "kubeadm renews no CA: kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates, or build the cluster anew"
)
"""What to do, by who made the certificate."""


def days(answer: Answer, now: float) -> dict[str, int | None]:
    """Whole days left by file, negative after the end; None where the file holds no certificate."""
    found: dict[str, int | None] = {}
    for fact in answer.every("certificate"):
        path, _, end = fact.partition(" ")
        try:
            found[path] = int((ssl.cert_time_to_seconds(end) - now) // 86400)
        except ValueError:
            found[path] = None
    return found


def rows(name: str, answer: Answer, now: float) -> Iterator[Row]:
    """One row for each thing to do, or one for all that is well."""
    left = days(answer, now)
    known = {path: number for path, number in left.items() if number is not None}
    by_fix: dict[tuple[State, str], dict[str, int]] = {}
    for path, number in known.items():
        if number < SOON_DAYS:
            by_fix.setdefault(("now" if number < 0 else "soon", _fix(path)), {})[path] = number
    for (state, fix), late in by_fix.items():
        yield Row("certificates", name, state, _late(late), fix)
    for path in left.keys() - known.keys():
        yield Row("certificates", name, "now", f"{path} holds no certificate", _fix(path))
    if known and not by_fix:
        path, number = min(known.items(), key=lambda entry: entry[1])
        figure = f"{len(known)}, of which {_short(path)} ends first, in {number} days"
        yield Row("certificates", name, "ok", figure, rank=number)


def _late(late: Mapping[str, int]) -> str:
    first = min(late.values())
    when = f"ended {-first} days ago" if first < -1 else "ended" if first < 0 else f"ends in {first} days"
    return (
        f"{', '.join(map(_short, late))}: the first {when}" if len(late) > 1 else f"{_short(next(iter(late)))} {when}"
    )


def _fix(path: str) -> str:
    if path.endswith("ca.crt"):
        return AUTHORITY
    if path.endswith("/kubelet.crt"):
        return SELF_SIGNED
    return KUBELETS if path.startswith("/var/lib/kubelet/") else RENEWED


def _short(path: str) -> str:
    return path.removeprefix("/etc/kubernetes/").removeprefix("/var/lib/kubelet/")
