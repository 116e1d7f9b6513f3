"""What the scenarios stand on: the engine with one set of plugins, a real API server, a real SSH server.

FJORDKUBE_PLUGINS chooses the plugins: `standin` (default) installs fjordkube's beside the engine, `official` leaves it
to the engine to find or fetch Pulumi's own. The scenarios are the same.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fjordkube.errors import FjordkubeError
from offline import binaries
from offline.plugins import installation
from tests.conformance import api_server, ssh_daemon
from tests.conformance.api_server import ApiServer
from tests.conformance.engine import Stack
from tests.conformance.ssh_daemon import SshDaemon


def _binary(name: str) -> Path:
    """The built program, or the machine's own. FjordkubeError where there is neither."""
    try:
        return binaries.path(name)
    except FjordkubeError:
        if found := shutil.which(name):
            return Path(found)
        raise


@pytest.fixture(scope="session")
def pulumi(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path | None]:
    """The engine, and the PULUMI_HOME that holds the stand-ins (None: the official plugins)."""
    choice = os.environ.get("FJORDKUBE_PLUGINS", "standin")
    assert choice in ("standin", "official"), f"FJORDKUBE_PLUGINS is {choice!r}; use standin or official"
    engine = _binary("pulumi")
    if choice == "official":
        return engine, None
    folder = tmp_path_factory.mktemp("engine")
    return installation.install(engine, folder / "bin", folder / "home"), folder / "home"


@pytest.fixture
def new_stack(tmp_path: Path, pulumi: tuple[Path, Path | None]) -> Callable[[str], Stack]:
    def make(program: str) -> Stack:
        stack = Stack(tmp_path / uuid.uuid4().hex[:6], *pulumi)
        stack.program(program)
        return stack

    return make


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    names = ("etcd", "kube-apiserver", "kube-controller-manager")
    etcd, apiserver, controllers = (_binary(name) for name in names)
    with api_server.running(tmp_path_factory.mktemp("api"), etcd, apiserver, controllers) as server:
        yield server


@pytest.fixture
def namespace(api: ApiServer) -> str:
    """A namespace of the scenario's own; it goes with the API server."""
    name = "t-" + uuid.uuid4().hex[:8]
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[SshDaemon]:
    """A prepared SSH server; the scenario starts it."""
    path = ssh_daemon.available()
    if path is None:
        pytest.skip("sshd is not installed (Debian package openssh-server)")
    with ssh_daemon.prepared(tmp_path, path) as daemon:
        yield daemon
