"""A certificate for names of hosts, signed by itself, for servers of tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path


def make(folder: Path, names: Iterable[str]) -> tuple[Path, Path]:
    """Certificate and key, PEM, for the names and 127.0.0.1; whoever trusts the certificate trusts the server."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    listed = ",".join([*(f"DNS:{name}" for name in names), "IP:127.0.0.1"])
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    words += ["-subj", "/CN=tests of fjordkube", "-addext", f"subjectAltName={listed}"]
    words += [
        "-addext",
        "keyUsage=critical,keyCertSign,digitalSignature",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(words, check=True, capture_output=True)
    return certificate, key
