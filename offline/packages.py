"""Packages of a Debian release that a node may lack, with what they depend on, as a folder that apt can use.

Owns apt's private state and the folder with its index. Leaves which packages to components/artifacts/places.py.
What every installation has is left out: packages that are essential or of priority `required`, and what those need.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from fjordkube.artifacts import places
from fjordkube.artifacts.needs import Package
from fjordkube.helpers.artifacts import index
from fjordkube.roots import cache_root
from offline import command, debian, keys
from offline.command import BuildError
from offline.manifest import Distribution, Manifest
from offline.step import Step, remove

ALWAYS = "?or(?essential,?priority(required))"
"""apt-patterns(7): what every installation has."""

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def step_name(distribution: str) -> str:
    """The step that makes the folder."""
    return f"packages-{distribution}"


def path(distribution: Distribution) -> Path:
    """Where the cache keeps the folder."""
    digest = keys.of(distribution, _names(), debian.APT_OPTIONS, Path(__file__))
    return cache_root() / "packages" / f"{distribution.name}-{digest}"


def steps(manifest: Manifest) -> Iterator[Step]:
    """One step per release."""
    for distribution in manifest.distributions:
        yield Step(
            step_name(distribution.name),
            f"packages of {distribution.name}",
            path(distribution),
            lambda target, distribution=distribution: fetch(distribution, target),  # type: ignore[misc]
            distribution.seconds,
            lane="download",
            on_request=True,
        )


def read(folder: Path, below: str) -> tuple[Package, ...]:
    """The packages of a folder, their files said to lie below `below`."""
    return tuple(
        Package(
            name=entry["Package"],
            version=entry["Version"],
            path=f"{below}/{index.place(entry)}",
            size=int(entry["Size"]),
            sha256=entry["SHA256"],
        )
        for entry in index.paragraphs((folder / index.NAME).read_text())
    )


def fetch(distribution: Distribution, target: Path) -> None:
    """Downloads the packages into `target` and writes their index. BuildError with apt's words."""
    state = target.with_name(f"{target.name}.apt")
    remove(state)
    try:
        apt = _Apt(state, distribution)
        always = apt.would_install([ALWAYS])
        everything = apt.would_install([ALWAYS, *_names()])
        lacking = {name: version for name, version in everything.items() if name not in always}
        target.mkdir()
        apt.download([f"{name}={version}" for name, version in sorted(lacking.items())], target)
    finally:
        remove(state)
    for file in sorted(target.iterdir()):
        # apt writes an epoch into the name, archives do not
        file.rename(target / re.sub(r"_\d+:", "_", unquote(file.name)))
    found = sorted(target.iterdir())
    if len(found) != len(lacking):
        raise BuildError(f"packages of {distribution.name}: {len(found)} of {len(lacking)} came; see apt's log")
    (target / index.NAME).write_text("\n".join(_entry(file) for file in found))


def _names() -> list[str]:
    return sorted(set(places.PACKAGES.values()))


def _entry(file: Path) -> str:
    content = file.read_bytes()
    control = command.output(["dpkg-deb", "--field", file])
    return index.paragraph(control, file.name, len(content), hashlib.sha256(content).hexdigest())


class _Apt:
    """This machine's apt with a state of its own, in which nothing is installed."""

    def __init__(self, state: Path, distribution: Distribution) -> None:
        self._log = command.log_file(step_name(distribution.name))
        for folder in ("lists/partial", "cache/archives/partial"):
            (state / folder).mkdir(parents=True)
        (state / "status").touch()
        suites = [(debian.mirror(), distribution.suite), (debian.mirror(), f"{distribution.suite}-updates")]
        if security := debian.security_mirror():
            suites.append((security, f"{distribution.suite}-security"))
        lines = [f"deb [arch=amd64 signed-by={KEYRING}] {address} {suite} main\n" for address, suite in suites]
        (state / "sources.list").write_text("".join(lines))
        # what is said of the transport in this machine's own configuration holds
        settings = {
            "Dir::State": state,
            "Dir::State::lists": state / "lists",
            "Dir::State::status": state / "status",
            "Dir::Cache": state / "cache",
            "Dir::Etc::sourcelist": state / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Sandbox::User": "root",
        }
        options = [f"{name}={value}" for name, value in settings.items()]
        options += [re.sub(r' "(.*)"$', r"=\1", option) for option in debian.APT_OPTIONS]
        self._words = ["apt-get", "--quiet=2", *(f"--option={option}" for option in options)]
        command.run([*self._words, "update"], self._log)

    def would_install(self, names: Sequence[str]) -> dict[str, str]:
        """Versions by package of what the names bring with what they depend on."""
        told = command.output([*self._words, "--simulate", "install", *names])
        return dict(re.findall(r"^Inst (\S+?)(?::\w+)? \((\S+)", told, re.MULTILINE))

    def download(self, names: Sequence[str], folder: Path) -> None:
        """Puts their files into the folder; apt holds them to the signed lists."""
        command.run([*self._words, "download", *names], self._log, cwd=folder, append=True)
