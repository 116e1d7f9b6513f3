"""What must be there before the engine runs: good settings, an able machine, programs, the engine.

Owns the order: what the user can mend is said first, before anything is built or touched. Only `up` of source `local`
needs programs of the system and an image of virtual machines; previews and every other source need the engine alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from commands import backend, consent, sdk, stackfile
from commands.console import say
from commands.engine import Engine, binary, engine_there, plugins, policy_pack
from fjordkube import images
from fjordkube.errors import MachineError
from fjordkube.helpers.local_vm import computer
from fjordkube.host import bundle
from fjordkube.nodes import source
from fjordkube.settings import LocalNodes, Stack
from offline import build, catalog, manifest, system, vm_image
from offline import source as programs


@dataclass(frozen=True)
class Prepared:
    """A stack ready for the engine."""

    settings: Stack
    engine: Engine


def prepare(stack: str, settings_file: Path | None, changes: bool) -> Prepared:
    """Checks settings and machine, then builds what is missing. Raises FjordkubeError with all problems at once.

    `changes`: the engine is to change something, for which there must be a backend, a passphrase and somebody's word.
    A stack of source `local` is created in its backend where it is not there yet.
    """
    path = settings_file or stackfile.source(stack)
    settings = stackfile.settings(path)
    backend.check(settings)
    engine = Engine.of(stack, settings_file)
    if changes and not engine.place.of_checkout:
        engine.require()
        consent.require(stack)
    say(f"settings of stack {stack} are good ({path.name})")
    if not policy_pack():
        say("no policy pack: FJORDKUBE_POLICY is off")
    local = isinstance(settings.nodes, LocalNodes)
    bundle.check(settings, images.of(settings), preview=not changes)
    sdk.ensure(settings.nodes.source, say)
    # Programs of local machines are installed below. A key may be in the stack's configuration, which is the program's
    # to read: it refuses a missing one before it makes anything.
    source.find(settings).check(settings, stack, programs=not local, preview=True)
    if plugins() == "official":
        binary()  # raises where there is none, before anything is built
    if local and engine.tells_computers():
        machines_here(engine)
    if local and changes:
        build_missing()
    elif not engine_there():
        build.ensure(["toolchain"], say)
    if local:
        sources = manifest.load()
        programs.foresee(sources, catalog.steps(), say)
        vm_image.publish(sources)
    if engine.place.of_checkout:
        stackfile.materialise(stack, path)
        engine.ensure_stack()
    return Prepared(settings, engine)


def build_missing(steps: list[str] | None = None, besides: Sequence[str] = ()) -> None:
    """Programs by apt, then toolchain and image of machines into the cache, where they are not there yet.

    `besides`: what is made on request alone, in the same build, so that it costs little time of its own.
    """
    sources = manifest.load()
    system.ensure(sources.host_packages, say)
    build.ensure([*build.resolve(steps, catalog.steps()), *besides] if besides else steps, say)
    if steps is None:
        vm_image.publish(sources)


def machines_here(engine: Engine) -> None:
    """Raises MachineError when the stack's machines are on another computer. For a stack of source `local` alone."""
    there, here = engine.computers(), computer.here()
    if there <= {here}:
        return
    raise MachineError(
        f"nodes.source: local, and the machines of stack {engine.stack} are on computer {' and '.join(sorted(there))}, "
        f"while this is {here}; run on that computer, or, if it is gone, forget the stack: {engine.forgetting()}"
    )
