"""Steps that bring programs: releases of their projects, Go modules of others compiled, and our own Go and C.

Owns the places of programs in the cache. Leaves the choice between release and compilation to `source.py`.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root
from offline import command, gosource, keys, official, source
from offline.manifest import Manifest, Module, OwnProgram, Program, Release
from offline.step import Step

TOOLCHAIN = "pulumi"
"""The module whose programs a person's PATH gets: they lie in toolchain/, not in bin/."""

DOWNLOAD_SECONDS = 10.0
"""Estimate for one release: tens of MB at some 10 MB/s. Not measured: no release was reached where this was made."""


def log_file(name: str) -> Path:
    """Where a step's output goes."""
    return cache_root() / "logs" / f"{name}.log"


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
            made.append(_released(module, program, release) if release else _compiled(module, program))
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


def _compiled(module: Module, program: Program) -> Step:
    package = f"{module.path}/{program.package}".rstrip("/")
    key = keys.of("go", module.path, module.version, module.sum, module.ldflags, module.pins, module.staging, package)

    def build(target: Path) -> None:
        scratch = gosource.prepare(module)
        ldflags = " ".join(["-s", "-w", *module.ldflags])
        command.run(
            ["go", "build", "-trimpath", "-ldflags", ldflags, "-o", target, package],
            log_file(program.name),
            cwd=scratch,
            env=gosource.environment(),
        )

    title = f"{program.name} {_short(module.version)}"
    return Step(program.name, title, _folder(module, key) / program.name, build, program.seconds)


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
