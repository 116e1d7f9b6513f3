"""Calico's CustomResourceDefinitions: one file with a checksum, fetched once and cached.

Owns where the file comes from: Calico's own repository, or else the module proxy that Go is set to use, by HTTP and
without Go. Leaves the checksums to artifacts/upstream.toml, and creating the definitions to calico.py. Descriptions are
left out, which are 60 % of the bytes (v3.28: 212 -> 85 KB): each one is parsed by an API server that is starting up.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import yaml

from fjordkube.artifacts import upstream
from fjordkube.errors import DefinitionsMissing
from fjordkube.objects import Object
from fjordkube.roots import cache_root

MODULE: Final = "github.com/projectcalico/calico"

MEMBER: Final = "manifests/crds.yaml"
"""The file's path in Calico's repository and in its module."""

UPSTREAM: Final = "https://raw.githubusercontent.com/projectcalico/calico"

PATIENCE: Final = 5.0
"""Seconds that Calico's own host may take to answer."""

TRANSFER: Final = 60.0
"""The same for a module of 9 MB, seconds."""

GO_ROOTS: Final = ("/usr/local/go", "/usr/lib/go", "/usr/share/go")
"""Where an installation of Go has its defaults (go.env), whether or not its program is in PATH."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where it is there: 45 ms instead of 300 ms."""


@dataclass(frozen=True)
class Definitions:
    """Which file a release's definitions are."""

    sha256: str
    """Of the file, 64 hex digits."""
    module_version: str = ""
    """Version of Calico's Go module that has the file too; empty: proxies serve none."""


def pinned(calico: str) -> Definitions:
    """What the table says of that Calico version, e.g. v3.28.5."""
    entry = upstream.table()["calico"][calico]["definitions"]
    return Definitions(entry["sha256"], entry.get("module", ""))


def definitions(calico: str) -> list[Object]:
    """The definitions of that Calico version, e.g. v3.28.5. DefinitionsMissing where they cannot be had."""
    text = fetched(pinned(calico), calico)
    return [trimmed(document) for document in yaml.load_all(text, Loader=_LOADER) if document]


def fetched(wanted: Definitions, calico: str) -> bytes:
    """The file, from the cache or from where it is; DefinitionsMissing with what was tried."""
    place = cache_root() / "definitions" / f"calico-{calico}-{wanted.sha256[:16]}.yaml"
    if place.exists() and _is(place.read_bytes(), wanted):
        return place.read_bytes()
    tried = []
    for source, content in _offered(wanted, calico):
        if content is not None and _is(content, wanted):
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_name(f".{place.name}.{os.getpid()}")
            partial.write_bytes(content)
            partial.replace(place)
            return content
        tried.append(f"{source}: {'another file than was pinned' if content is not None else 'no answer'}")
    fix = "set GOPROXY to a module proxy that is reached, or " if wanted.module_version else ""
    raise DefinitionsMissing(
        f"Calico {calico}'s definitions: {'; '.join(tried)}; {fix}put {MEMBER} of that release at {place}"
    )


def _is(content: bytes, wanted: Definitions) -> bool:
    return hashlib.sha256(content).hexdigest() == wanted.sha256


def _offered(wanted: Definitions, calico: str) -> Iterator[tuple[str, bytes | None]]:
    """What each source has, the quickest first."""
    path = f"{MODULE}/@v/{wanted.module_version}.zip"
    cached = cache_root() / "go" / "mod" / "cache" / "download" / path
    if cached.exists():
        yield "the module in the cache", _member(cached.read_bytes())
    # the only source where there is no module
    if os.environ.get("FJORDKUBE_SOURCE") != "build" or not wanted.module_version:
        yield "Calico's repository", _get(f"{UPSTREAM}/{calico}/{MEMBER}", PATIENCE)
    if not wanted.module_version:
        return
    proxy = module_proxy()
    if proxy is None:
        yield "a Go module proxy", None
    else:
        module = _get(f"{proxy}/{path}", TRANSFER)
        yield "the Go module proxy", module and _member(module)


def _get(address: str, seconds: float) -> bytes | None:
    try:
        with urllib.request.urlopen(address, timeout=seconds) as answer:  # noqa: S310 - ours, or the user's own proxy
            content: bytes = answer.read()
            return content
    except (OSError, HTTPException, ValueError):
        return None


def _member(module: bytes) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(module)) as archive:
            return next((archive.read(name) for name in archive.namelist() if name.endswith(f"/{MEMBER}")), None)
    except zipfile.BadZipFile:
        return None


def module_proxy() -> str | None:
    """The first proxy by HTTP that Go is set to use: by GOPROXY, by `go env`, or by an installation's defaults."""
    settings = [os.environ.get("GOPROXY", "")]
    if shutil.which("go"):
        done = subprocess.run(["go", "env", "GOPROXY"], capture_output=True, text=True, check=False)
        settings.append(done.stdout.strip())
    settings += [match[1] for root in GO_ROOTS if (match := _default(Path(root) / "go.env"))]
    for entry in (entry for setting in settings for entry in re.split(r"[,|]", setting)):
        if entry.startswith(("https://", "http://")):
            return entry.rstrip("/")
    return None


def _default(file: Path) -> re.Match[str] | None:
    return re.search(r"^GOPROXY=(\S+)$", file.read_text(), re.MULTILINE) if file.is_file() else None


def trimmed(value: Any) -> Any:
    """The definition without descriptions (a property that is *named* description stays) and without status."""
    if isinstance(value, dict):
        return {
            key: trimmed(item)
            for key, item in value.items()
            if not (key == "description" and isinstance(item, str)) and not (key == "status" and "spec" in value)
        }
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    return value
