"""SecretsEncryption: free where Secrets are in the clear from the start, an update when that changes; nothing shown."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from fjordkube.bootstrap import SecretsEncryption
from fjordkube.helpers import launcher
from tests.components.bootstrap_mocks import opened, with_mocks
from tests.golden.bootstrap_cluster import kubeadm, stack


def command(hardening: dict[str, Any], preview: bool) -> dict[str, Any]:
    def program() -> None:
        cluster = kubeadm(settings=stack(kubernetes={"hardening": hardening}))
        SecretsEncryption("secrets", cluster, pulumi.Output.secret("KUBECONFIG"), [], pulumi.ResourceOptions())

    (inputs,) = with_mocks(program, preview).of("command:local:Command")
    return inputs


@pytest.mark.parametrize("preview", [False, True])
def test_it_runs_at_once_where_secrets_are_encrypted_and_else_when_that_changes(preview: bool) -> None:
    off, on = command({}, preview), command({"profile": "production"}, preview)
    run = launcher.command("encrypt")
    assert (off["create"], off["update"]) == ("true", run)
    assert (on["create"], on["update"]) == (run, run)
    # a trigger would replace it; and it ends with the cluster
    assert not on.keys() & {"triggers", "delete"}


def test_the_number_of_the_key_is_all_that_it_knows_of_it() -> None:
    environment = opened(command({"profile": "production", "secrets_key": 3}, preview=False)["environment"])
    assert environment["FJORDKUBE_SECRETS_KEY"] == "3"
    assert environment["FJORDKUBE_HELPER"] == launcher.REVISIONS["secrets"]
    assert '"name": "cp1"' in environment["FJORDKUBE_NODES"]
    assert '"name": "w1"' not in environment["FJORDKUBE_NODES"]
