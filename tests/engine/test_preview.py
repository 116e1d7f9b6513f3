"""The program under the real engine, without machines: what a preview shows and touches."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from offline import manifest, vm_image
from tests.engine.command import Commands, cache_without_images

SECONDS = 15
"""Bound of a preview from nothing, for a busy machine; 6 s is the promise, and docs/offline.md has the measurement."""


def test_preview_from_an_empty_stack_shows_the_architecture_and_touches_nothing(commands: Commands) -> None:
    commands.run("preview")  # the first one in a home also links the engine and creates the stack
    done = commands.run("preview")
    assert done.code == 0, done.text
    assert done.seconds < SECONDS
    for token in (
        "fjordkube:nodes:LocalMachines",
        "fjordkube:host:Host",
        "fjordkube:bootstrap:ControlPlane",
        "fjordkube:bootstrap:Worker",
        "fjordkube:network:Calico",
        "fjordkube:ingress:IngressNginx",
        "fjordkube:demo:Demo",
        "fjordkube:gates:Gates",
    ):
        assert token in done.text
    assert not (commands.home / "vm").exists()
    assert "PRIVATE KEY" not in done.text


def test_preview_builds_nothing_and_names_the_image_that_up_would_build(commands: Commands, tmp_path: Path) -> None:
    cache = cache_without_images(tmp_path)
    before = {path.name for path in cache.iterdir()}
    done = replace(commands, changes={"FJORDKUBE_CACHE": str(cache)}).run("preview")
    assert done.code == 0, done.text
    # of all inputs, wherever the cache is: the one that `up` builds in the usual cache
    assert f"image {vm_image.digest(manifest.load())}" in done.text
    assert not {path.name for path in cache.iterdir()} - before - {"accelerator.json"}


@pytest.mark.parametrize("verb", ["preview", "up", "down"])
def test_machines_of_another_computer_are_refused_in_one_line(commands: Commands, verb: str) -> None:
    commands.run("preview")  # creates the stack
    state = next((commands.home / "state").rglob("stacks/**/test.json"))
    content = json.loads(state.read_text())
    there = {"environment": {"MACHINE_COMPUTER": "0123456789abcdef"}}
    machine = {"urn": "urn:x", "type": "command:local:Command", "custom": True, "id": "x", "inputs": there}
    content["checkpoint"]["latest"] = {"manifest": {}, "resources": [machine]}
    state.write_text(json.dumps(content))
    done = commands.run(verb)
    assert done.code == 1, done.text
    assert "machines of stack test are on computer 0123456789abcdef, while this is" in done.text
    assert f"forget the stack: rm {state}" in done.text
    assert "Traceback" not in done.text


def test_a_setting_is_one_line_of_the_preview(commands: Commands) -> None:
    commands.write({"ingress": {"config": {"keep-alive": 71}}})
    done = commands.run("preview")
    assert done.code == 0, done.text
    assert re.search(r'keep-alive"? *: "71"', done.text)


def test_a_cluster_without_demo_and_gates_has_neither(commands: Commands) -> None:
    commands.write({"demo": {"enabled": False}, "gates": {"enabled": False}})
    done = commands.run("preview")
    assert done.code == 0, done.text
    assert "fjordkube:demo:Demo" not in done.text
    assert "fjordkube:gates:Gates" not in done.text


def test_one_worker_more_leaves_the_others_machines_alone(commands: Commands) -> None:
    """Named, not numbered: of an empty stack the names alone can be compared."""
    commands.write({"nodes": {"workers": ["w1", "w3"]}})
    done = commands.run("preview")
    assert done.code == 0, done.text
    assert "nodes-w3-disk" in done.text
    assert "nodes-w2" not in done.text


def test_the_engine_itself_tells_bad_settings_without_a_traceback(commands: Commands) -> None:
    """For whoever runs `pulumi preview` and not `make preview`."""
    commands.run("preview")
    commands.write({"network": {"pod_cidr": "10.244.0.1/16"}, "nodes": {"control_planes": ["cp1", "cp2"]}})
    script = (
        "import json, pathlib, sys\n"
        "from commands.engine import Engine\n"
        f"engine = Engine({commands.stack!r}, pathlib.Path({str(commands.settings)!r}))\n"
        "done = engine.on_stack('preview', capture=True)\n"
        "print(json.dumps([done.returncode, done.stdout + done.stderr]))\n"
    )
    words = [commands.words("x")[0], "-c", script]
    found = subprocess.run(words, env=commands.environment, capture_output=True, text=True, check=True, cwd=".")
    code, text = json.loads(found.stdout)
    assert code != 0
    assert "network.pod_cidr" in text
    assert "nodes.control_planes" in text
    assert "Traceback" not in text
