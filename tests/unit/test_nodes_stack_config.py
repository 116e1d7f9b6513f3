"""Secrets from the stack's configuration: taken when secret, refused without being repeated when not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from fjordkube.errors import MachineError
from fjordkube.nodes import host_keys, stack_config
from fjordkube.settings import secrets

KEY = host_keys.derive("a seed that is used by tests alone, 43 letters", "login", "nobody").private


@pytest.fixture(autouse=True)
def no_configuration() -> Iterator[None]:
    yield
    pulumi.runtime.set_all_config({}, [])


def configure(name: str, value: str, secret: bool = True) -> None:
    pulumi.runtime.set_all_config({name: value}, [name] if secret else [])


def test_a_configured_key_needs_no_file(tmp_path: Path) -> None:
    configure(secrets.SSH_KEY, KEY)
    assert stack_config.key_problem(secrets.SSH_KEY, str(tmp_path / "none"), preview=False) is None


def test_a_key_that_lies_open_in_the_stack_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    configure(secrets.SSH_KEY, KEY, secret=False)
    with pytest.raises(MachineError, match="lies open in the stack file") as caught:
        stack_config.key_problem(secrets.SSH_KEY, str(tmp_path / "none"), preview=False)
    assert KEY.splitlines()[1] not in str(caught.value)


def test_a_configured_text_that_is_no_key_is_told_by_its_name(tmp_path: Path) -> None:
    configure(secrets.BASTION_KEY, "no key")
    problem = stack_config.key_problem(secrets.BASTION_KEY, str(tmp_path / "none"), preview=False)
    assert problem is not None
    assert problem.startswith("fjordkube:bastionPrivateKey is not a private key")


def test_a_preview_needs_no_key_and_an_up_does(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    assert stack_config.key_problem(secrets.SSH_KEY, missing, preview=True) is None
    assert "is missing" in (stack_config.key_problem(secrets.SSH_KEY, missing, preview=False) or "")


def test_a_key_that_others_can_read_is_refused_in_a_preview_too(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(0o644)
    assert "chmod 600" in (stack_config.key_problem(secrets.SSH_KEY, str(path), preview=True) or "")


@pytest.mark.parametrize("text", ["no json", "[1]", '{"VENDOR_TOKEN": 7}'])
def test_vendor_variables_of_another_form_are_refused_without_being_repeated(text: str) -> None:
    configure(secrets.VENDOR_VARIABLES, text)
    with pytest.raises(MachineError, match="is not a JSON object of texts") as caught:
        stack_config.vendor_variables()
    assert text not in str(caught.value)


def test_vendor_variables_are_one_json_object() -> None:
    assert stack_config.vendor_variables() is None
    configure(secrets.VENDOR_VARIABLES, '{"VENDOR_TOKEN": "t"}')
    assert stack_config.vendor_variables() == '{"VENDOR_TOKEN": "t"}'
