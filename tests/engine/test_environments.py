"""A stack that is not local, under the real engine: Pulumi's own state and passphrase, the file itself, and consent."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from commands import backend
from commands.engine import Engine, environment
from fjordkube.roots import CHECKOUT
from tests.engine import test_existing
from tests.engine.command import Commands

UNSET = dict.fromkeys(
    ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "YES", "ALLOW")
)
SECONDS = 5.0


@pytest.fixture
def example(commands: Commands, tmp_path: Path) -> str:
    """The example's file for hosts that exist, with a comment; hosts that nobody has."""
    text = yaml.safe_dump({"config": {"fjordkube:stack": test_existing.example(tmp_path)}}, sort_keys=False)
    commands.settings.write_text(f"# ours\n{text}")
    return commands.settings.read_text()


def without(commands: Commands, *names: str, **more: str) -> Commands:
    """The same user without some variables, and logged in nowhere."""
    nobody = {"PULUMI_HOME": str(commands.home / "nobody")}
    return dataclasses.replace(commands, changes={**{name: UNSET[name] for name in names}, **nobody, **more})


def states(commands: Commands) -> list[str]:
    return sorted(path.name for path in (commands.home / "state").rglob("stacks/**/*.json"))


def test_preview_without_a_backend_is_of_a_new_stack_and_leaves_nothing(commands: Commands, example: str) -> None:
    done = without(commands, *UNSET).run("preview")
    assert done.code == 0, done.text
    assert done.text.count("previewed as a new one, on an empty state that is not kept: no backend was chosen") == 1
    assert "fjord-w1-joined" in done.text
    assert commands.settings.read_text() == example
    assert states(commands) == []
    assert not (commands.home / "passphrase").exists()


@pytest.mark.parametrize("verb", ["up", "down", "kubeconfig"])
def test_without_a_backend_nothing_is_changed_or_told(commands: Commands, example: str, verb: str) -> None:
    done = without(commands, "PULUMI_BACKEND_URL").run(verb)
    assert done.code == 1
    assert done.seconds < SECONDS
    assert "state: no backend is chosen for stack test; run pulumi login, or set PULUMI_BACKEND_URL" in done.text


def test_up_needs_a_passphrase_and_then_somebodys_word(commands: Commands, example: str) -> None:
    done = without(commands, "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE").run("up")
    assert done.code == 1
    assert "passphrase: none is set" in done.text
    for user in (without(commands, "YES"), without(commands, "YES", CI="true")):
        done = user.run("up")
        assert done.code == 1
        assert done.seconds < SECONDS
        assert "YES: not set, and there is no terminal to ask on" in done.text
    assert states(commands) == []
    assert commands.settings.read_text() == example


def test_stack_of_a_login_lives_with_its_own_file_and_the_engine_by_hand_does_the_same(
    commands: Commands, example: str
) -> None:
    url = commands.given["PULUMI_BACKEND_URL"]
    user = without(commands, "PULUMI_BACKEND_URL")
    (commands.home / "nobody").mkdir()
    (commands.home / "nobody" / "credentials.json").write_text(json.dumps({"current": url}))

    # 1. The plan comes first; then the stack is made, and fails at hosts that nobody has.
    done = user.run("up")
    assert done.code != 0
    assert done.text.index("it is not in the backend yet") < done.text.index("problems on 3 of 3 hosts")
    assert states(commands) == ["test.json"]
    text = commands.settings.read_text()
    assert text.startswith(example + "encryptionsalt: v1:")
    assert text.count("\n") == example.count("\n") + 1
    assert not (commands.home / "stacks").exists()

    # 2. By hand, on that file.
    place = backend.chosen(user.environment)
    words = ["preview", "-s", "test", "--config-file", str(commands.settings), "--non-interactive"]
    by_hand = pulumi(words, commands, place)
    assert by_hand.returncode == 0, by_hand.stdout
    assert "fjord-w1-joined" in by_hand.stdout
    assert commands.settings.read_text() == text

    # 3. Deleted only by its name, and the salt is used again.
    refused = dataclasses.replace(user, changes={**user.changes, "ALLOW": "other"}).run("down")
    assert refused.code == 1
    assert "make down STACK=test YES=1 ALLOW=test" in refused.text
    assert states(commands) == ["test.json"]
    done = user.run("down")
    assert done.code == 0, done.text
    assert states(commands) == []
    assert commands.settings.read_text() == text
    Engine("test", commands.settings, place_with_passphrase(place, commands)).ensure_stack()
    assert states(commands) == ["test.json"]
    assert commands.settings.read_text() == text


def place_with_passphrase(place: backend.Place, commands: Commands) -> backend.Place:
    return dataclasses.replace(place, variables={**place.variables, **passphrase(commands)})


def passphrase(commands: Commands) -> dict[str, str]:
    return {"PULUMI_CONFIG_PASSPHRASE": commands.given["PULUMI_CONFIG_PASSPHRASE"]}


def pulumi(words: list[str], commands: Commands, place: backend.Place) -> subprocess.CompletedProcess[str]:
    """The engine as a person types it, in the checkout."""
    env = environment(place) | passphrase(commands) | {"FJORDKUBE_HOME": str(commands.home)}
    return subprocess.run(
        ["pulumi", *words], cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.parametrize("content", ["", "config:\n  aws:region: eu-north-1\n"])
def test_stack_without_settings_is_refused_by_the_program_and_is_not_local(
    commands: Commands, example: str, content: str
) -> None:
    place = place_with_passphrase(backend.chosen(commands.environment), commands)
    commands.settings.write_text(content)
    Engine("nobody", commands.settings, place).ensure_stack()
    done = pulumi(["preview", "-s", "nobody", "--config-file", str(commands.settings)], commands, place)
    assert done.returncode != 0
    assert "fjordkube:stack: is not in the configuration of stack nobody; " in done.stdout
    assert "stacks/Pulumi.nobody.yaml" in done.stdout
    assert "Traceback" not in done.stdout
    assert "LocalMachine" not in done.stdout
    assert not (CHECKOUT / "stacks" / "Pulumi.nobody.yaml").exists()
