"""Steps that bring programs: releases of their projects, Go modules of others compiled, and our own Go and C.

Owns the places of programs in the cache. Leaves the choice between release and compilation to `source.py`.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root
from offline import command, debian, gosource, keys, official, source
from offline.command import log_file as log_file  # of this module too: disk.py, which is in a key, has it from here
from offline.manifest import Manifest, Module, OwnProgram, Program, Release
from offline.step import Step

TOOLCHAIN = "pulumi"
"""The module whose programs a person's PATH gets: they lie in toolchain/, not in bin/."""

ON_REQUEST = ("containerd", "runc", "cni-plugins")
"""Modules for bundles alone: local machines have these programs from Debian's packages."""

DOWNLOAD_SECONDS = 10.0
"""Estimate for one release: tens of MB at some 10 MB/s. Not measured: no release was reached where this was made."""


def steps(manifest: Manifest) -> tuple[Step, ...]:
    """One step per program, in the manifest's order."""
    return _steps(manifest, cache_root(), source.chosen())


@cache  # every image asks for the place of every program it holds
def _steps(manifest: Manifest, _root: Path, chosen: str) -> tuple[Step, ...]:
    releases = manifest.official if chosen == "official" else {}
    made = []
    for module in manifest.modules:
        for program in module.programs:
            release = releases.get(program.name)
            made.append(_released(module, program, release) if release else _compiled(manifest, module, program))
    return (*made, *(_own(own) for own in manifest.own))


def _released(module: Module, program: Program, release: Release) -> Step:
    # the address is no input: the checksum says what comes from it
    key = f"official-{keys.of('official', release.sha256, release.member)}"
    return Step(
        program.name,
        f"{program.name} {_short(module.version)}, official",
        _folder(module, key) / program.name,
        lambda target: official.fetch(release, target),
        DOWNLOAD_SECONDS,
        lane="download",
    )


def _compiled(manifest: Manifest, module: Module, program: Program) -> Step:
    package = f"{module.path}/{program.package}".rstrip("/")
    inputs = [module.path, module.version, module.sum, module.ldflags, module.pins, module.staging, package]
    ways = manifest.compilation.get(module.name)
    tree = manifest.tree(ways.libraries) if ways and ways.libraries else None
    if ways:
        inputs += [ways.tags, keys.place(debian.tree_path(tree)) if tree else None]

    def build(target: Path) -> None:
        scratch = gosource.prepare(module)
        ldflags = " ".join(["-s", "-w", *module.ldflags, *(gosource.STATIC if tree else ())])
        tags = ["-tags", ",".join(ways.tags)] if ways and ways.tags else []
        command.run(
            ["go", "build", "-trimpath", *tags, "-ldflags", ldflags, "-o", target, package],
            log_file(program.name),
            cwd=scratch,
            env=gosource.environment(debian.tree_path(tree) if tree else None),
        )

    return Step(
        program.name,
        f"{program.name} {_short(module.version)}",
        _folder(module, keys.of("go", *inputs)) / program.name,
        build,
        program.seconds,
        needs=(debian.tree_name(tree.name),) if tree else (),
        on_request=module.name in ON_REQUEST,
    )


def _folder(module: Module, key: str) -> Path:
    if module.name == TOOLCHAIN:
        return cache_root() / "toolchain" / f"{module.version}-{key}" / "bin"
    return cache_root() / "bin" / key


def _short(version: str) -> str:
    """A pseudo version without its time stamp: for people."""
    return version if len(version) < 20 else version.rsplit("-", 1)[-1]


def _own(own: OwnProgram) -> Step:
    result = cache_root() / "bin" / keys.of(own.language, own.name, own.source) / own.name

    def build(target: Path) -> None:
        if own.language == "go":
            command.run(
                ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", target, "."],
                log_file(own.name),
                cwd=own.source,
                env=gosource.environment(),
            )
            return
        if not shutil.which("gcc"):
            raise FjordkubeError("gcc: not on PATH; install gcc and libc6-dev")
        # static: it runs where there is no C library
        command.run(
            ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-static", "-O2", "-s", "-o", target, own.source],
            log_file(own.name),
        )

    return Step(own.name, f"{own.name} (ours)", result, build, own.seconds)
