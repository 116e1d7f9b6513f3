"""The stack's file, its copy that the engine may write to, and the salt that it gains where there is no copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import stackfile
from fjordkube.errors import SettingsError
from fjordkube.roots import CHECKOUT

SALT = "v1:c2FsdA==:v1:bm9uY2U="


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def stack(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "Pulumi.local.yaml"
    path.write_text(content)
    return path


def refused(path: Path, what: Any = stackfile.settings) -> str:
    with pytest.raises(SettingsError) as error:
        what(path)
    (problem,) = error.value.problems
    return problem


# --- Reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "",
        "# nothing\n",
        "config:\n",
        "config: {}\n",
        "config:\n  fjordkube:stack:\n",
    ],
)
def test_file_that_does_not_say_what_the_stack_is_is_refused(tmp_path: Path, content: str) -> None:
    path = stack(tmp_path, content)
    wanted = "has no `fjordkube:stack:` under `config:`; write the settings there ({}: every default)"
    assert refused(path) == f"{path}: {wanted}"
    assert refused(path, lambda at: stackfile.is_local("local", at)) == f"{path}: {wanted}"


def test_empty_settings_that_are_written_are_every_default(tmp_path: Path) -> None:
    assert stackfile.settings(stack(tmp_path, "config: {'fjordkube:stack': {}}\n")).cluster.name == "fjord"


def test_settings_are_read_from_under_their_key(tmp_path: Path) -> None:
    content = "config:\n  aws:region: eu-north-1\n  fjordkube:stack:\n    cluster: {name: other}\n"
    assert stackfile.settings(stack(tmp_path, content)).cluster.name == "other"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("config:\n  fjordkube:stack:\n    nodes: [w1\n    demo:\n", 4),
        ("config:\n\tfjordkube:stack: {}\n", 2),
        ("config:\n  a: 'open\n", 3),
        ("config:\n  a: b: c\n", 2),
    ],
)
def test_bad_yaml_says_the_file_and_the_line(tmp_path: Path, content: str, line: int) -> None:
    path = stack(tmp_path, content)
    assert refused(path).startswith(f"{path}: not valid YAML at line {line}; ")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("- a\n", "holds list; a stack file is a mapping with `config:`"),
        ("just text\n", "holds str; a stack file is a mapping with `config:`"),
        ("config: [a]\n", "`config` is list; it is a mapping"),
    ],
)
def test_yaml_of_another_shape_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    path = stack(tmp_path, content)
    assert refused(path) == f"{path}: {problem}"


def test_missing_file_names_the_stacks_that_there_are(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.staging.yaml"
    known = ", ".join(sorted(file.name.split(".")[1] for file in (CHECKOUT / "stacks").glob("Pulumi.*.yaml")))
    assert "existing, local" in known
    assert refused(path) == f"{path}: does not exist; use one of the stacks {known}, or write this file"


def test_all_problems_of_the_settings_come_through(tmp_path: Path) -> None:
    content = "config:\n  fjordkube:stack:\n    demo: {replicas: 0}\n    netwrok: {}\n"
    with pytest.raises(SettingsError) as error:
        stackfile.settings(stack(tmp_path, content))
    assert len(error.value.problems) == 2


# --- The engine's copy -----------------------------------------------------------------------------------------------


def copy(tmp_path: Path, content: str) -> Path:
    return stackfile.materialise("local", stack(tmp_path, content))


def test_copy_holds_what_the_file_holds_and_is_the_users_alone(tmp_path: Path, home: Path) -> None:
    content = "# a comment\nconfig:\n  fjordkube:stack:\n    cluster: {name: other}\n"
    made = copy(tmp_path, content)
    assert made == stackfile.copy_of("local") == home / "stacks" / "Pulumi.local.yaml"
    assert yaml.safe_load(made.read_text()) == yaml.safe_load(content)
    assert made.stat().st_mode & 0o077 == 0


def test_copy_keeps_the_salt_that_the_engine_wrote_and_follows_the_file_otherwise(tmp_path: Path) -> None:
    made = copy(tmp_path, "config:\n  a: 1\n")
    made.write_text(f"encryptionsalt: {SALT}\nencryptedkey: key\nconfig:\n  a: 1\n  engine: own\n")
    assert yaml.safe_load(copy(tmp_path, "config:\n  b: 2\n").read_text()) == {
        "config": {"b": 2},
        "encryptionsalt": SALT,
        "encryptedkey": "key",
    }
    assert yaml.safe_load(copy(tmp_path, "").read_text()) == {"encryptionsalt": SALT, "encryptedkey": "key"}


def test_salt_of_the_file_itself_comes_first(tmp_path: Path) -> None:
    made = copy(tmp_path, "")
    made.write_text("encryptionsalt: old\n")
    assert yaml.safe_load(copy(tmp_path, f"encryptionsalt: {SALT}\n").read_text()) == {"encryptionsalt": SALT}


def test_copy_that_is_current_is_not_written_again(tmp_path: Path) -> None:
    content = "config:\n  a: 1\n"
    before = copy(tmp_path, content).stat()
    assert copy(tmp_path, content).stat().st_mtime_ns == before.st_mtime_ns


def test_file_itself_is_never_written(tmp_path: Path) -> None:
    path = stack(tmp_path, "config: {}\n")
    path.chmod(0o444)
    before = path.stat().st_mtime_ns
    stackfile.materialise("local", path)
    assert path.stat().st_mtime_ns == before


# --- Whose machines they are -----------------------------------------------------------------------------------------

UPCLOUD = "config:\n  fjordkube:stack:\n    nodes: {source: upcloud}\n"
LOCAL = "config:\n  fjordkube:stack: {}\n"


@pytest.mark.parametrize(
    ("settings", "local"),
    [
        ("{}", True),
        ("{nodes: }", True),
        ("{nodes: {workers: [w1]}}", True),
        ("{nodes: {source: local}}", True),
        ("{nodes: {source: existing}}", False),
        ("{nodes: {source: typo}}", False),
    ],
)
def test_source_local_is_the_default_of_a_stack_and_no_other_is_taken_for_it(
    tmp_path: Path, settings: str, local: bool
) -> None:
    path = stack(tmp_path, f"config:\n  fjordkube:stack: {settings}\n")
    assert stackfile.is_local("local", path) is local


def test_stack_whose_file_is_lost_is_what_its_copy_says(tmp_path: Path) -> None:
    path = stack(tmp_path, LOCAL)
    stackfile.materialise("local", path)
    path.unlink()
    assert stackfile.is_local("local", path)
    stackfile.materialise("local", stack(tmp_path, UPCLOUD))
    path.unlink()
    assert "does not exist" in refused(path, lambda at: stackfile.is_local("local", at))


# --- The salt --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "\n"])
def test_salt_is_appended_as_text_and_all_else_stays(tmp_path: Path, end: str) -> None:
    text = "# ours\nconfig:\n  fjordkube:stack:   # all of it\n    nodes: {source: upcloud}" + end
    path = stack(tmp_path, text)
    path.chmod(0o640)
    stackfile.add_salts(path, {"encryptionsalt": SALT, "config": {}})
    assert path.read_text() == text.rstrip() + f"\nencryptionsalt: {SALT}\n"
    assert path.stat().st_mode & 0o777 == 0o640
    before = path.read_text()
    stackfile.add_salts(path, {"encryptionsalt": "v1:another"})
    assert path.read_text() == before
    assert yaml.safe_load(before)["encryptionsalt"] == SALT


def test_stack_that_nobody_keeps_has_no_salt_unless_secrets_need_it(tmp_path: Path) -> None:
    path, target = stack(tmp_path, f"{UPCLOUD}encryptionsalt: {SALT}\n"), tmp_path / "new.yaml"
    stackfile.new(path, target)
    assert yaml.safe_load(target.read_text()) == yaml.safe_load(UPCLOUD)
    path.write_text(f"{UPCLOUD}  fjordkube:sshPrivateKey: {{secure: v1:abc}}\nencryptionsalt: {SALT}\n")
    stackfile.new(path, target)
    assert yaml.safe_load(target.read_text())["encryptionsalt"] == SALT


def test_stack_of_the_checkout_is_found_by_its_name() -> None:
    assert stackfile.source("local").exists()
    stackfile.settings(stackfile.source("local"))
