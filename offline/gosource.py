"""A scratch Go module for an upstream one: its own requirements, so that upstream's versions are what gets linked.

`go install module@version` refuses modules with replacements, and folders of upstream's repository are not in the
module's zip. So each upstream module gets a module of ours beside it that repeats its requirements and replacements,
with what was a folder replaced by the published version. Checksums of all requirements come with upstream's go.sum;
the module's own is in the manifest.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root
from offline import command
from offline.command import BuildError
from offline.manifest import Module

STATIC = ("-linkmode external", "-extldflags -static")
"""Linker's flags of a program with C in it that runs where its libraries are not."""


def environment(libraries: Path | None = None) -> dict[str, str]:
    """Go's environment for this build: caches of our own, no download of another Go.

    `libraries`: the Debian tree that has the C libraries of a program with cgo; without it there is no cgo.
    """
    go = cache_root() / "go"
    with_c = {
        "CGO_ENABLED": "1",
        "PKG_CONFIG_LIBDIR": f"{libraries}/usr/lib/x86_64-linux-gnu/pkgconfig",
        "PKG_CONFIG_SYSROOT_DIR": str(libraries),
    }
    return {
        "GOMODCACHE": str(go / "mod"),
        "GOCACHE": str(go / "build"),
        "GOFLAGS": "-buildvcs=false -mod=mod -modcacherw",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        **(with_c if libraries else {"CGO_ENABLED": "0"}),
    }


@dataclass(frozen=True)
class Download:
    """A module in Go's module cache."""

    go_mod: Path
    folder: Path


def download(path: str, version: str, checksum: str) -> Download:
    """Fetches a module through Go's own client and holds it to the manifest's checksum. BuildError if it differs."""
    if not shutil.which("go"):
        raise FjordkubeError("go: not on PATH; install Go 1.26 or newer to compile programs")
    scratch = cache_root() / "go"
    scratch.mkdir(parents=True, exist_ok=True)
    raw = command.output(["go", "mod", "download", "-json", f"{path}@{version}"], cwd=scratch, env=environment())
    found: dict[str, str] = json.loads(raw)
    if found["Sum"] != checksum:
        raise BuildError(f"{path}@{version}: checksum {found['Sum']}, the manifest says {checksum}; not used")
    return Download(Path(found["GoMod"]), Path(found["Dir"]))


def render(module: Module, upstream: Mapping[str, Any]) -> str:
    """The scratch go.mod; `upstream` is `go mod edit -json` of the module's own."""
    folders = {r["Old"]["Path"] for r in upstream.get("Replace") or [] if "Version" not in r["New"]}
    skipped = set(module.staging_skip)
    requires = {r["Path"]: r["Version"] for r in upstream.get("Require") or []}
    replaces = {
        r["Old"]["Path"]: f"{r['New']['Path']} {r['New']['Version']}"
        for r in upstream.get("Replace") or []
        if "Version" in r["New"]
    }
    if module.staging:
        for path in folders - skipped:
            requires[path] = module.staging
            # upstream itself requires v0.0.0 of it, which nobody serves
            replaces[path] = f"{path} {module.staging}"
    for pin in module.pins:
        requires[pin.path] = pin.version
        if pin.replace:
            replaces[pin.path] = f"{pin.path} {pin.version}"
    requires[module.path] = module.version
    lines = [f"module scratch/{module.name}", f"go {upstream['Go']}"]
    lines += [f"godebug {g['Key']}={g['Value']}" for g in upstream.get("Godebug") or []]
    lines += ["require (", *(f"\t{p} {v}" for p, v in sorted(requires.items()) if p not in skipped), ")"]
    if replaces:
        lines += ["replace (", *(f"\t{old} => {new}" for old, new in sorted(replaces.items())), ")"]
    return "\n".join(lines) + "\n"


def prepare(module: Module) -> Path:
    """Downloads the module and its pins and writes the scratch module; gives its folder."""
    got = download(module.path, module.version, module.sum)
    for pin in module.pins:
        download(pin.path, pin.version, pin.sum)
    upstream = json.loads(command.output(["go", "mod", "edit", "-json", got.go_mod], env=environment()))
    folder = cache_root() / "go" / "scratch" / module.name
    folder.mkdir(parents=True, exist_ok=True)
    sums = got.folder / "go.sum"
    (folder / "go.sum").write_text(sums.read_text() if sums.exists() else "")
    partial = folder / f"go.mod.{os.getpid()}"
    partial.write_text(render(module, upstream))
    partial.replace(folder / "go.mod")
    return folder
