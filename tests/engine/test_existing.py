"""Source existing under the real engine, with hosts that nobody has: a preview asks none of them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import answers
from bench.project import Project, Run
from fjordkube.nodes.existing import host_keys
from fjordkube.roots import CHECKOUT
from tests.engine.command import Commands
from tests.unit.ssh_server import line, new_key

DEMO = "fjord-demo-deployment-demo"
"""Its replicas wait for a second worker where there is one, and so it changes between one and two."""

NAMES = ("cp1", "w1", "w2", "w3")
HOSTS = {"cp1": "203.0.113.11", "w1": "203.0.113.21", "w2": "203.0.113.22", "w3": "203.0.113.23"}
KEYS = {name: line(new_key()[1]) for name in NAMES}
W3 = {"name": "w3", "host": HOSTS["w3"]}


def example(folder: Path) -> dict[str, Any]:
    """The example stack's settings, with keys that are there."""
    content = yaml.safe_load((CHECKOUT / "stacks" / "Pulumi.existing.yaml").read_text())
    settings: dict[str, Any] = content["config"]["fjordkube:stack"]
    (folder / "known_hosts").write_text("".join(host_keys.line(HOSTS[name], 22, KEYS[name]) for name in NAMES))
    settings["nodes"]["ssh"] |= {"key_file": str(answers.key(folder)), "known_hosts": str(folder / "known_hosts")}
    return settings


# --- From nothing ----------------------------------------------------------------------------------------------------


@pytest.fixture
def no_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ssh that notes that it was called."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/called\nexit 255\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return tmp_path / "called"


def test_the_example_previews_its_hosts_and_asks_none_of_them(commands: Commands, tmp_path: Path, no_ssh: Path) -> None:
    commands.write(example(tmp_path))
    done = commands.run("preview")
    assert done.code == 0, done.text
    assert not no_ssh.exists()
    for words in ("fjordkube:nodes:ExistingMachines", "nodes-survey", *(f"fjord-{n}-host-release" for n in NAMES[:3])):
        assert words in done.text
    assert 'cp1: "no-osl1"' in done.text
    private = answers.key(tmp_path).read_text().splitlines()[1]
    assert "PRIVATE KEY" not in done.text
    assert private not in done.text


@pytest.mark.parametrize("verb", ["up", "preview"])
def test_host_without_a_key_and_a_readable_private_key_are_refused_at_once(
    commands: Commands, tmp_path: Path, no_ssh: Path, verb: str
) -> None:
    settings = example(tmp_path)
    (tmp_path / "known_hosts").write_text(host_keys.line(HOSTS["w1"], 22, KEYS["w1"]))
    answers.key(tmp_path).chmod(0o644)
    commands.write(settings)
    done = commands.run(verb)
    assert done.code == 1
    assert "Traceback" not in done.text
    fields = ("nodes.ssh.key_file", "nodes.control_planes[cp1].host_key", "nodes.workers[w2].host_key")
    for words in ("3 problems", "chmod 600", "make host-keys STACK=test", *fields):
        assert words in done.text, done.text
    assert not no_ssh.exists()


def test_up_names_every_host_that_does_not_answer_and_makes_nothing_else(
    commands: Commands, tmp_path: Path, no_ssh: Path
) -> None:
    commands.write(example(tmp_path))
    done = commands.run("up")
    assert done.code != 0
    assert "3 problems on 3 of 3 hosts, and nothing was changed:" in done.text, done.text
    for name in NAMES[:3]:
        assert f"- {name}: is not reachable by SSH at {HOSTS[name]} port 22" in done.text
    assert "PRIVATE KEY" not in done.text
    state = next((commands.home / "state").rglob("stacks/**/test.json")).read_text()
    made = [
        entry["urn"] for entry in json.loads(state)["checkpoint"]["latest"]["resources"] if "command:" in entry["type"]
    ]
    # made here, and on no host
    assert {urn.rpartition("::")[2] for urn in made} == {"nodes-key", "fjord-ingress-certificate"}
    assert commands.run("down").code == 0


# --- A stack that pretends to exist ----------------------------------------------------------------------------------

Edited = Callable[[Callable[[dict[str, Any]], Any]], Run]


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Edited:
    """Previews an edit of the settings onto a state in which all of the example exists."""
    folder = tmp_path_factory.mktemp("existing") / "project"
    project = Project(folder)
    settings = example(folder)
    project.write(settings)
    project.pretend()

    def edit(change: Callable[[dict[str, Any]], Any]) -> Run:
        changed = copy.deepcopy(settings)
        change(changed["nodes"])
        project.write(changed)
        return project.preview()

    return edit


def touched(run: Run) -> dict[str, dict[str, str]]:
    """Operations other than `same` by node; the cluster's own left out: survey, gates, and the demo."""
    found: dict[str, dict[str, str]] = {}
    for name, operation in run.changed().items():
        node = next((node for node in NAMES if re.search(rf"-{node}(-|$)", name)), "")
        found.setdefault(node, {})[name] = operation
    shared = found.pop("", {})
    assert all(name == "nodes-survey" or "-gates-" in name or name == DEMO for name in shared), shared
    return found


def test_nothing_changed_is_no_change_whatever_the_order(edited: Edited) -> None:
    assert edited(lambda nodes: nodes["workers"].reverse()).changed() == {}


def test_host_more_asks_all_hosts_again_and_touches_no_other(edited: Edited) -> None:
    run = edited(lambda nodes: nodes["workers"].append(W3))
    assert run.changed()["nodes-survey"] == "update"
    found = touched(run)
    assert set(found) == {"w3"}
    assert set(found["w3"].values()) == {"create"}


def test_host_that_goes_from_the_middle_touches_no_other(edited: Edited) -> None:
    found = touched(edited(lambda nodes: nodes["workers"].pop(0)))
    assert set(found) == {"w1"}
    assert set(found["w1"].values()) == {"delete"}
    assert "fjord-w1-host-release" in found["w1"]


def test_another_pinned_key_is_another_machine_of_that_name_alone(edited: Edited) -> None:
    run = edited(lambda nodes: nodes["workers"][1].update(host_key=KEYS["w3"]))
    found = touched(run)
    assert set(found) == {"w2"}
    assert found["w2"]["fjord-w2-host-prepared"] == "replace"
    # replaced, their old halves would remove and reset the machine that has just joined
    assert found["w2"]["fjord-w2-joined"] == found["w2"]["fjord-w2-host-release"] == "update"


def test_another_port_of_one_host_is_an_update_of_what_enters_it(edited: Edited) -> None:
    run = edited(lambda nodes: nodes["workers"][1].update(port=2222, host_key=KEYS["w2"]))
    found = touched(run)
    assert set(found) == {"w2"}
    assert set(found["w2"].values()) == {"update"}
