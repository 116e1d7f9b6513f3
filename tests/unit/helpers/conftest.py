"""Fixtures of the helper's tests: a served API, an environment with a pretended ssh, and one of a whole membership."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.helpers.fakes import FakeApi, make_certificate, pretended_ssh, serving


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder)
    return folder


@pytest.fixture
def api(certificate: Path) -> Iterator[FakeApi]:
    with serving(FakeApi(certificate)) as fake:
        yield fake


@pytest.fixture
def base(tmp_path: Path) -> dict[str, str]:
    return pretended_ssh(tmp_path)


@pytest.fixture
def environment(api: FakeApi, base: dict[str, str]) -> dict[str, str]:
    script = 'if [ -n "$DISCOVERY" ]; then s=member; else s=${STATE:-absent}; fi; echo "{\\"state\\":\\"$s\\"}"'
    return {
        **base,
        "FJORDKUBE_NODE": "w1",
        "FJORDKUBE_ENDPOINT": "api.fjord.internal:6443",
        "FJORDKUBE_KUBECONFIG": api.kubeconfig(),
        "FJORDKUBE_SSH_HOST": "127.0.0.1",
        "FJORDKUBE_SSH_PORT": "2222",
        "FJORDKUBE_SSH_USER": "root",
        "FJORDKUBE_SSH_KEY": "PRIVATE KEY",
        "FJORDKUBE_SSH_HOST_KEY": "ssh-ed25519 AAAA",
        "FJORDKUBE_SCRIPT": script,
        "FJORDKUBE_ANNOTATIONS": '{"example.com/address": "192.168.77.101/24"}',
        "FJORDKUBE_LABELS": "{}",
        "FJORDKUBE_TAINTS": "[]",
        "FJORDKUBE_WAIT": "2",
        "FJORDKUBE_DRAIN": "1",
    }
