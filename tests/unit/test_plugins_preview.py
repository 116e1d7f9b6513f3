"""The preview-only provider stand-in, over real gRPC; and the pretending that benches and tests ask for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf import empty_pb2

from offline.plugins import installation
from offline.plugins.preview_provider.pretence import Pretence, from_environment
from offline.plugins.preview_provider.provider import PreviewProvider
from offline.plugins.protocol import provider_pb2, provider_pb2_grpc
from offline.plugins.values import UNKNOWN, decode, encode, is_secret, secret

URN = "urn:pulumi:dev::test::fjordkube:nodes:UpcloudMachine$upcloud:index/server:Server::nodes-w1-server"
ONLY_PREVIEWS = "fjordkube's stand-in for upcloud only previews; install Pulumi with its plugins"

Stub = provider_pb2_grpc.ResourceProviderStub


class Quiet:
    """An engine that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, urn: str, text: str, severity: int = 0) -> None:
        self.lines.append(text)

    def attach(self, address: str) -> None:
        """Nobody is asked."""


Serve = Callable[..., tuple[Stub, Quiet]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(pretence: Pretence | None = None) -> tuple[Stub, Quiet]:
            servicer = PreviewProvider("upcloud", pretence)
            servicer.engine = engine = Quiet()  # type: ignore[assignment]
            server = grpc.server(ThreadPoolExecutor(4))
            provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            stack.callback(server.stop, 0)
            return Stub(stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))), engine

        yield start


def create(provider: Stub, inputs: dict[str, Any], *, preview: bool = False) -> provider_pb2.CreateResponse:
    checked = provider.Check(provider_pb2.CheckRequest(urn=URN, news=encode(inputs)))
    assert not checked.failures
    request = provider_pb2.CreateRequest(urn=URN, properties=checked.inputs, preview=preview)
    answer: provider_pb2.CreateResponse = provider.Create(request)
    return answer


def diff(provider: Stub, old: dict[str, Any], new: dict[str, Any], **more: Any) -> provider_pb2.DiffResponse:
    request = provider_pb2.DiffRequest(urn=URN, olds=encode(old), old_inputs=encode(old), news=encode(new), **more)
    answer: provider_pb2.DiffResponse = provider.Diff(request)
    return answer


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return str(caught.value.details())


def test_preview_of_a_new_resource_knows_its_inputs_and_keeps_secrets_secret(serve: Serve) -> None:
    provider, _ = serve()
    inputs = {"zone": "no-svg1", "network": UNKNOWN, "userData": secret("key"), "disks": [{"size": 10}]}
    assert decode(create(provider, inputs, preview=True).properties) == inputs


def test_diff_is_by_input_property_and_says_that_replacement_is_not_known(serve: Serve) -> None:
    provider, engine = serve()
    old = {"zone": "no-svg1", "disks": [{"size": 10}], "version": "0.23.0"}
    assert diff(provider, old, {**old, "version": "0.24.0"}).changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not engine.lines
    found = diff(provider, old, {**old, "zone": "fi-hel1", "disks": [{"size": 20}]})
    assert set(found.detailedDiff) == {"zone", "disks[0].size"}
    assert not found.replaces
    diff(provider, old, {"zone": "fi-hel1"})
    assert len(engine.lines) == 1
    assert "no schema" in engine.lines[0]
    assert "replace" in engine.lines[0]


def test_diff_leaves_out_what_the_program_ignores(serve: Serve) -> None:
    provider, _ = serve()
    found = diff(provider, {"userData": "old"}, {"userData": "new"}, ignoreChanges=["userData"])
    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_preview_of_an_update_keeps_known_outputs_and_drops_inputs_that_went(serve: Serve) -> None:
    provider, _ = serve()
    request = provider_pb2.UpdateRequest(
        id="x",
        urn=URN,
        olds=encode({"zone": "no-svg1", "title": "a", "uuid": "1", "nics": [{"type": "public", "ip": "192.0.2.1"}]}),
        old_inputs=encode({"zone": "no-svg1", "title": "a", "nics": [{"type": "public"}]}),
        news=encode({"zone": "fi-hel1", "plan": "p", "nics": [{"type": "public"}]}),
        preview=True,
    )
    assert decode(provider.Update(request).properties) == {
        "zone": "fi-hel1",
        "plan": "p",
        "uuid": "1",
        "nics": [{"type": "public", "ip": "192.0.2.1"}],
    }


def test_nothing_is_created_changed_read_or_deleted(serve: Serve) -> None:
    provider, _ = serve()
    data = encode({"zone": "no-svg1"})
    for call in (
        lambda: create(provider, {"zone": "no-svg1"}),
        lambda: provider.Update(provider_pb2.UpdateRequest(id="x", urn=URN, olds=data, news=data)),
        lambda: provider.Delete(provider_pb2.DeleteRequest(id="x", urn=URN, properties=data)),
        lambda: provider.Read(provider_pb2.ReadRequest(id="x", urn=URN, properties=data)),
    ):
        assert ONLY_PREVIEWS in refused(call)


def test_invokes_fail_because_nobody_could_be_asked(serve: Serve) -> None:
    for pretence in (None, Pretence({})):
        provider, _ = serve(pretence)
        request = provider_pb2.InvokeRequest(tok="upcloud:index/getZones:getZones")
        assert "getZones" in refused(lambda provider=provider, request=request: provider.Invoke(request))  # type: ignore[misc]


def test_pretending_adds_canned_outputs_by_type_and_name_and_says_that_nothing_is_real(serve: Serve) -> None:
    token = "upcloud:index/server:Server"
    canned: dict[str, dict[str, Any]] = {
        "command:local:Command": {"stdout": "other"},
        f"{token} *-w1-*": {"ip": "192.0.2.1"},
        token: {"ip": "192.0.2.9", "tags": ["of {name}"]},
        f"{token} cp*": {"ip": "192.0.2.2"},
    }
    provider, engine = serve(Pretence(canned))
    made = create(provider, {"zone": "no-svg1", "key": secret("k")})
    state = {"zone": "no-svg1", "key": secret("k"), "ip": "192.0.2.1", "tags": ["of nodes-w1-server"]}
    assert decode(made.properties) == state
    assert made.id.startswith("nodes-w1-server-")
    create(provider, {"zone": "no-svg1"})
    assert len(engine.lines) == 1
    assert "FJORDKUBE_PRETEND" in engine.lines[0]
    assert "NOTHING of upcloud IS REAL" in engine.lines[0]
    provider.Delete(provider_pb2.DeleteRequest(id="x", urn=URN, properties=encode(state)))


def test_pretending_says_so_before_a_preview_that_creates_nothing(serve: Serve) -> None:
    provider, engine = serve(Pretence({}))
    provider.Configure(provider_pb2.ConfigureRequest())
    provider.Cancel(empty_pb2.Empty())
    assert any("IS REAL" in line for line in engine.lines)


def test_pretending_is_asked_for_by_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FJORDKUBE_PRETEND", raising=False)
    assert from_environment() is None
    file = tmp_path / "canned.json"
    monkeypatch.setenv("FJORDKUBE_PRETEND", str(file))
    with pytest.raises(SystemExit, match=r"FJORDKUBE_PRETEND.*cannot be read"):
        from_environment()
    file.write_text("[1]")
    with pytest.raises(SystemExit, match=r"FJORDKUBE_PRETEND.*type token"):
        from_environment()
    file.write_text(json.dumps({"a:b:C": {"id": "7"}}))
    asked = from_environment()
    assert asked is not None
    assert asked.outputs("a:b:C", "any") == {"id": "7"}


def test_only_a_bench_that_asks_gets_pretending_plugins_in_its_own_folder(tmp_path: Path) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("#!/bin/sh\n")
    usual, bench = tmp_path / "usual", tmp_path / "bench"
    installation.install(pulumi, usual / "bin", usual / "home")
    installation.install_pretending(pulumi, bench / "bin", bench / "home")

    def launchers(folder: Path) -> set[str]:
        return {Path(os.readlink(link)).name for link in folder.glob("home/plugins/*/*")}

    assert launchers(usual) == {"pulumi-resource-command", "pulumi-resource-kubernetes", "preview-resource"}
    assert launchers(bench) == {"preview-resource"}


def pretended(name: str, kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    provider = PreviewProvider(name, Pretence({}))
    request = provider_pb2.CheckRequest(urn=f"urn:pulumi:dev::test::{kind}::x", news=encode(inputs))
    return decode(provider.Check(request, cast(Any, None)).inputs)


def test_a_pretended_state_has_the_marks_that_the_real_provider_would_set() -> None:
    """Without them the official plugins see a difference in each command and each Secret."""
    given = {"create": "true", "connection": {"host": "192.0.2.1", "privateKey": "k"}}
    connection = pretended("command", "command:remote:Command", given)["connection"]
    assert is_secret(connection)
    assert is_secret(connection["value"]["privateKey"])
    assert connection["value"]["port"] == 22
    given = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "hunter2"}}
    assert is_secret(pretended("kubernetes", "kubernetes:core/v1:Secret", given)["data"])
    assert pretended("upcloud", "upcloud:index/server:Server", {"zone": "no-svg1"}) == {"zone": "no-svg1"}
