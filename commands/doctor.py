"""`doctor`: what is missing, what will be used, how long it will take; of a stack that lives, how its cluster is.

Looks, and changes nothing. Leaves the cluster to living.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess

from commands import backend, living, sdk, stackfile
from commands.console import minutes
from commands.engine import engine_there, plugins, with_emulator
from fjordkube import images
from fjordkube.errors import FjordkubeError, VmImageMissing
from fjordkube.helpers.local_vm import qemu
from fjordkube.nodes import source as nodes_source
from fjordkube.nodes.local import accelerator, vm_image
from fjordkube.roots import cache_root, home_root
from fjordkube.settings import ExistingNodes, LocalNodes, Stack
from offline import build, catalog, manifest, source, system
from offline.runner import missing, remaining

UP_SECONDS = {"kvm": 120.0, "tcg": 420.0}
"""`up` itself with a warm cache: emulated as measured on two cores (docs/offline.md); with KVM an estimate."""


def run(arguments: argparse.Namespace) -> int:
    """0 when `up` can start and the cluster, if there is one, is well; 1 when something has to be mended first, or does
    not work; 3 when something of the cluster needs hands within days."""
    problems: list[str] = []
    os.environ.update(with_emulator())  # what is looked at below is what `up` would run
    path = arguments.settings or stackfile.source(arguments.stack)
    _line("stack", f"{arguments.stack} ({path})")
    settings = None
    try:
        settings = stackfile.settings(path)
        backend.check(settings)
        local = isinstance(settings.nodes, LocalNodes)
        if sdk.missing(settings.nodes.source):
            _line("sdk", f"{settings.nodes.source}'s is missing; `up` and `preview` install it")
        else:
            nodes_source.find(settings).check(settings, arguments.stack, programs=not local)
    except FjordkubeError as error:
        problems.append(str(error))
    cluster = None
    try:
        cluster = living.find(arguments.stack, arguments.settings)
    except living.NotLookedAt as error:
        _line("cluster", f"not looked at: {error}")
    except FjordkubeError as error:
        problems += [str(error)] if str(error) not in problems else []
    if settings is None or isinstance(settings.nodes, LocalNodes):
        left = _local(problems)
        mode = _machines(settings, problems) if settings else "tcg"
    else:
        left, mode = _elsewhere(), "kvm"
        _line("machines", f"source {settings.nodes.source}")
        # hosts that are nodes are asked as such
        if isinstance(settings.nodes, ExistingNodes) and not problems and not cluster:
            problems += _hosts(settings, arguments.stack)
    _line("up takes", f"about {minutes(left + UP_SECONDS[mode])}")
    status = 0
    if cluster:
        try:
            status = living.look(cluster)
        except FjordkubeError as error:
            problems.append(str(error))
    for problem in problems:
        print(f"\n{problem}")
    return 1 if problems else status


def _local(problems: list[str]) -> float:
    """What virtual machines on this computer need; seconds that are still to be built."""
    sources = manifest.load()
    lacking = system.missing(sources.host_packages)
    names = " ".join(package.name for package in lacking)
    can = os.geteuid() == 0 and shutil.which("apt-get") is not None
    _line("packages", "all there" if not lacking else f"missing: {names}" + ("; `up` installs them" if can else ""))
    if lacking and not can:
        problems.append(f"programs missing; sudo apt-get install --no-install-recommends {names}")
    _line("engine", _engine())
    _line("qemu", _qemu())
    steps = catalog.steps()
    _line("programs", source.describe(sources, steps))
    wanted = build.resolve(None, steps)
    todo = missing(steps, wanted)
    left = remaining(todo)
    _line(
        "cache",
        f"{cache_root()}: {len(todo)} of {len(wanted)} steps to build, about {minutes(left)}" if todo else "warm",
    )
    _line("state", str(home_root()))
    return left


def _elsewhere() -> float:
    """What every other source needs of this computer: the engine; seconds that are still to be built."""
    steps = catalog.steps()
    todo = [] if engine_there() else missing(steps, build.resolve(["toolchain"], steps))
    _line("needs", "Pulumi and Python" + ("; to build Pulumi once, Go" if todo else "; no root, no Go, no packages"))
    _line("engine", _engine() if not todo else f"to be built, about {minutes(remaining(todo))}")
    return remaining(todo)


def _machines(settings: Stack, problems: list[str]) -> str:
    """How guests will run here: kvm or tcg."""
    assert isinstance(settings.nodes, LocalNodes)
    try:
        image = vm_image.find(settings.kubernetes.version, settings.network.version)
        mode = accelerator.choose(settings.nodes.accelerator, image)
        words = {"kvm": "KVM: a guest boots with it", "tcg": "emulated: KVM is not there or does not boot"}
        _line("machines", words[mode])
        return mode
    except VmImageMissing:
        there = "there" if accelerator.DEVICE.exists() else "not there"
        _line("machines", f"{accelerator.DEVICE} is {there}; booted with when the image is built")
    except FjordkubeError as error:
        problems.append(str(error))
    return "tcg"


def _hosts(settings: Stack, stack: str) -> list[str]:
    """Asks hosts that exist what they are, as `up` does before it changes any; the problems."""
    from fjordkube.nodes.existing import surveying  # on demand: it needs Pulumi's SDK, which takes long to load

    made_of = images.of(settings)
    try:
        for name, facts in surveying.ask(settings, stack, made_of.references).items():
            size = f"{facts['processors']} processors, {facts['memory_mib']} MiB"
            _line("", f"{name}: {facts['system']}, kernel {facts['kernel']}, {facts['virtualisation']}, {size}")
    except FjordkubeError as error:
        return [str(error)]
    return []


def _engine() -> str:
    return {"official": "Pulumi as installed", "standin": "Pulumi, with stand-ins for its plugins"}[plugins()]


def _line(what: str, state: str) -> None:
    print(f"{what:10} {state}")


def _qemu() -> str:
    program = shutil.which(qemu.program(os.environ))
    if program is None:
        return "not installed yet"
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.splitlines()[0]
