"""Puts the stand-ins where the engine looks for plugins, so that it takes them without a warning on every run.

Owns two places of a checkout: a folder with `pulumi` and, beside it, the language host (the engine takes that for its
own), and the plugin cache of a PULUMI_HOME. Leaves the engine's build and the choice between stand-ins and official
plugins to the caller.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path

LAUNCHERS = Path(__file__).with_name("bin")
LANGUAGE_HOST = "pulumi-language-python"
PREVIEWING = LAUNCHERS / "preview-resource"
"""Takes the place of any provider that has no stand-in of its own, and creates nothing; see preview_provider."""


def pinned(checkout: Path) -> dict[str, str]:
    """Providers of the SDKs that are pinned in a checkout, with the versions that these ask for: their own."""
    files = [checkout / "requirements.txt", *sorted(checkout.glob("components/nodes/*/requirements.txt"))]
    found = dict(re.findall(r"(?m)^pulumi-([a-z]+)==(\S+)$", "".join(file.read_text() for file in files)))
    found.pop("policy", None)  # the SDK of packs, which needs no plugin
    return found


PROVIDERS = pinned(Path(__file__).parents[2])
"""Version by provider."""


def install(pulumi: Path, programs: Path, pulumi_home: Path) -> Path:
    """Path of the engine to run, with the stand-ins beside it in `programs` and in `pulumi_home`.

    Changes only what is not as it should be, so that it is cheap before every run. Links to this checkout: the plugins
    run from the source. The engine is a hard link (or a copy across file systems), since it looks beside its real path.
    """
    programs.mkdir(parents=True, exist_ok=True)
    engine = programs / "pulumi"
    if not (engine.exists() and engine.stat().st_size == pulumi.stat().st_size and _as_new(engine, pulumi)):
        fresh = engine.with_suffix(f".{os.getpid()}")
        fresh.unlink(missing_ok=True)
        try:
            fresh.hardlink_to(pulumi.resolve())
        except OSError:
            shutil.copy2(pulumi, fresh)
        fresh.replace(engine)
    _link(programs / LANGUAGE_HOST, LAUNCHERS / LANGUAGE_HOST)
    _providers(pulumi_home, None)
    without_logs(pulumi_home / "logs")
    return engine


def install_pretending(pulumi: Path, programs: Path, pulumi_home: Path) -> Path:
    """The same with every provider pretending, command and kubernetes too: for benches and tests, in their own folders.

    Without FJORDKUBE_PRETEND in the engine's environment even these only preview.
    """
    engine = install(pulumi, programs, pulumi_home)
    _providers(pulumi_home, PREVIEWING)
    return engine


def _providers(pulumi_home: Path, one: Path | None) -> None:
    for name, version in PROVIDERS.items():
        plugin = f"pulumi-resource-{name}"
        own = LAUNCHERS / plugin
        target = one or (own if own.exists() else PREVIEWING)
        _link(pulumi_home / "plugins" / f"resource-{name}-v{version}" / plugin, target)


def without_logs(place: Path) -> None:
    """Keeps the engine (3.250) from its own log of every run, which no setting turns off.

    It holds each property of each resource and is more than half of the engine's work: 3.5 s and 40 MB for 100 nodes.
    Where it can make no folder for it, the engine goes on without.
    """
    if place.is_dir():
        shutil.rmtree(place)
    if not place.exists():
        place.write_text(
            "A file and no folder, so that the engine writes no logs: see offline/plugins/installation.py\n"
        )


def _as_new(engine: Path, pulumi: Path) -> bool:
    return engine.stat().st_mtime_ns == pulumi.stat().st_mtime_ns


def _link(place: Path, target: Path) -> None:
    if place.is_symlink() and Path(os.readlink(place)) == target:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        place.unlink()
    place.symlink_to(target)
