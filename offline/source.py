"""Where programs come from in this cache: official releases, or compiled here.

Owns the choice: made by the cache's first build that needs such a program, remembered beside the results, changed by
FJORDKUBE_SOURCE alone. Leaves transfers to `official.py` and places of results to `programs.py`. It is remembered
because places are computed on every run, and a run with a warm cache must not ask the network where they are.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root
from offline.manifest import Manifest
from offline.step import Step

Source = Literal["official", "build"]

SETTING = "FJORDKUBE_SOURCE"
PATIENCE = 3.0
"""Seconds within which a host must answer; where none can be reached the first build waits that long, once."""


def chosen() -> Source:
    """What holds now: the setting, else what the cache remembers, else `build`."""
    wanted = asked()
    return wanted if wanted != "auto" else recorded() or "build"


def asked() -> Literal["auto", "official", "build"]:
    """FJORDKUBE_SOURCE. FjordkubeError for another value than auto, official or build."""
    value = os.environ.get(SETTING) or "auto"
    if value == "auto":
        return "auto"
    if value == "official":
        return "official"
    if value == "build":
        return "build"
    raise FjordkubeError(f"{SETTING}: {value!r}; use auto, official or build")


def recorded() -> Source | None:
    """What the cache remembers; None before its first build. FjordkubeError where the record cannot be read."""
    path = _record()
    try:
        value = json.loads(path.read_text())["source"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        value = None
    if value == "official":
        return "official"
    if value == "build":
        return "build"
    raise FjordkubeError(f"{path}: says neither official nor build; remove it, the next build decides again")


def keep(manifest: Manifest, steps: Sequence[Step]) -> None:
    """Remembers the choice that holds where the cache has programs of it. Asks nobody: for a run with nothing to do."""
    if recorded() != chosen() and _there(manifest, steps):
        _remember(chosen())


def foresee(manifest: Manifest, steps: Sequence[Step], say: Callable[[str], None]) -> None:
    """Makes the choice ahead of the first build where nothing holds yet: what it will make has a name before it."""
    if asked() == "auto" and recorded() is None and not _there(manifest, steps):
        settle(manifest, steps, steps, say)


def settle(manifest: Manifest, steps: Sequence[Step], todo: Sequence[Step], say: Callable[[str], None]) -> None:
    """Makes the choice before `todo` is built, and remembers it. Steps made before may be of the other choice after.

    `steps` are all of the present choice. FjordkubeError where FJORDKUBE_SOURCE is official and a host is silent.
    """
    if not any(step.name in manifest.official for step in todo):
        return
    # a cache from before there was a choice holds compiled programs, and machines may run from it
    stays = recorded() == "build" or (recorded() is None and _there(manifest, steps))
    if asked() == "build" or (asked() == "auto" and stays):
        _remember("build")
        return
    hosts = silent(tuple(sorted(release.url for release in manifest.official.values())))
    if not hosts:
        say(f"official releases: their hosts answer; those programs are downloaded ({SETTING}=build changes it)")
        _remember("official")
    elif asked() == "official":
        raise FjordkubeError(
            f"{SETTING}=official, but {', '.join(hosts)} did not answer within {PATIENCE:.0f} s; "
            f"mend the network, or set {SETTING}=build"
        )
    else:
        say(f"official releases: {', '.join(hosts)} not reached; programs are compiled ({SETTING}=official changes it)")
        _remember("build")


@cache
def silent(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Hosts of these addresses that do not answer for them within PATIENCE seconds; asked once per run, all at once."""
    by_host = {urlsplit(url).netloc: url for url in urls}
    answered: set[str] = set()

    def ask(host: str, url: str) -> None:
        # a whole GET: releases are served by redirection, to hosts that sign for GET alone
        with contextlib.suppress(OSError, HTTPException):
            urllib.request.urlopen(url, timeout=PATIENCE).close()  # noqa: S310 - the manifest's own addresses
            answered.add(host)

    # threads that nobody waits for in the end: looking up a name knows no time limit
    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in by_host.items()]
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    return tuple(sorted(by_host.keys() - answered.copy()))


def describe(manifest: Manifest, steps: Sequence[Step]) -> str:
    """For people: which it is, and by whose choice. `steps` are all of the present choice."""
    text = {"official": "official releases where there are any", "build": "compiled here"}[chosen()]
    if asked() != "auto":
        return f"{text} ({SETTING})"
    if recorded() or _there(manifest, steps):
        return f"{text} (as this cache began; {SETTING} changes it)"
    return f"{text}, unless a first build reaches official releases"


def _there(manifest: Manifest, steps: Sequence[Step]) -> bool:
    return any(step.done for step in steps if step.name in manifest.official)


def _record() -> Path:
    return cache_root() / "source.json"


def _remember(source: Source) -> None:
    if recorded() == source:
        return
    path = _record()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps({"source": source}) + "\n")
    partial.replace(path)
