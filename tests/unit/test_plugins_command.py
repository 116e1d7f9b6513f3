"""The command provider stand-in, over real gRPC, with local processes and an SSH server in this process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2

from offline.plugins.command_provider.output import Output
from offline.plugins.command_provider.provider import CommandProvider
from offline.plugins.protocol import provider_pb2, provider_pb2_grpc
from offline.plugins.values import SIGNATURE, UNKNOWN, decode, encode, is_secret, plain, secret
from tests.unit.ssh_server import SshServer, free_port

URN = "urn:pulumi:dev::test::command:local:Command::c"
REMOTE_URN = "urn:pulumi:dev::test::fjordkube:host:Host$command:remote:Command::c"


@pytest.fixture
def provider() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    server = grpc.server(ThreadPoolExecutor(8))
    servicer = CommandProvider()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    servicer.stop()
    server.stop(0)


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[SshServer]:
    with SshServer(tmp_path) as server:
        yield server


Stub = provider_pb2_grpc.ResourceProviderStub


def check(provider: Stub, urn: str, inputs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    answer = provider.Check(provider_pb2.CheckRequest(urn=urn, news=encode(inputs)))
    return decode(answer.inputs), {failure.property: failure.reason for failure in answer.failures}


def create(provider: Stub, inputs: dict[str, Any], urn: str = URN, *, preview: bool = False) -> dict[str, Any]:
    checked, failures = check(provider, urn, inputs)
    assert not failures
    answer = provider.Create(provider_pb2.CreateRequest(urn=urn, properties=encode(checked), preview=preview))
    assert answer.id.startswith("c")
    return decode(answer.properties)


def diff(provider: Stub, old: dict[str, Any], new: dict[str, Any]) -> provider_pb2.DiffResponse:
    request = provider_pb2.DiffRequest(urn=URN, olds=encode(old), old_inputs=encode(old), news=encode(new))
    answer: provider_pb2.DiffResponse = provider.Diff(request)
    return answer


def test_create_returns_both_streams_without_the_last_newline(provider: Stub) -> None:
    state = create(provider, {"create": "echo out; echo; echo err >&2"})
    assert (state["stdout"], state["stderr"]) == ("out\n", "err")


def test_preview_runs_nothing_and_knows_no_output(provider: Stub, tmp_path: Path) -> None:
    state = create(provider, {"create": f"touch {tmp_path}/ran"}, preview=True)
    assert state["stdout"] == UNKNOWN
    assert not (tmp_path / "ran").exists()


def test_update_runs_update_with_the_previous_output(provider: Stub) -> None:
    old = create(provider, {"create": "echo one"})
    new = {"create": "echo two", "update": "echo after $PULUMI_COMMAND_STDOUT"}
    answer = provider.Update(provider_pb2.UpdateRequest(urn=URN, id="c", olds=encode(old), news=encode(new)))
    assert decode(answer.properties)["stdout"] == "after one"


def test_update_without_update_runs_create(provider: Stub) -> None:
    answer = provider.Update(
        provider_pb2.UpdateRequest(urn=URN, id="c", olds=encode({}), news=encode({"create": "echo two"}))
    )
    assert decode(answer.properties)["stdout"] == "two"


def test_previous_output_can_be_kept_out(provider: Stub) -> None:
    new = {"create": 'echo "[$PULUMI_COMMAND_STDOUT]"', "addPreviousOutputInEnv": False}
    answer = provider.Update(
        provider_pb2.UpdateRequest(urn=URN, id="c", olds=encode({"stdout": "old"}), news=encode(new))
    )
    assert decode(answer.properties)["stdout"] == "[]"


def test_input_directory_interpreter_and_environment_reach_the_command(provider: Stub, tmp_path: Path) -> None:
    state = create(
        provider,
        {
            "create": "cat; echo $0 $X; pwd",
            "stdin": "fed\n",
            "dir": str(tmp_path),
            "interpreter": ["/bin/bash", "-c"],
            "environment": {"X": "y"},
        },
    )
    assert state["stdout"].splitlines() == ["fed", "/bin/bash y", str(tmp_path)]


def test_a_changed_command_updates_and_a_changed_trigger_replaces(provider: Stub) -> None:
    old = {"create": "a", "update": "b", "triggers": ["1", "2"]}
    changed = diff(provider, old, {**old, "create": "c"})
    assert changed.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert (list(changed.replaces), list(changed.diffs)) == ([], ["create"])
    triggered = diff(provider, old, {**old, "triggers": ["1", "3"]})
    assert list(triggered.replaces) == ["triggers[1]"]
    assert diff(provider, old, {**old, "__defaults": []}).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_failure_tells_status_command_and_output(provider: Stub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(provider, {"create": "echo why; echo because >&2; exit 3"})
    details = str(caught.value.details())
    assert details.startswith('exit status 3: running "echo why')
    assert "why\n" in details
    assert "because\n" in details


def test_a_failing_secret_command_is_not_repeated(provider: Stub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(provider, {"create": secret("false hunter2")})
    assert "hunter2" not in str(caught.value.details())


def test_secret_inputs_stay_secret_in_the_state(provider: Stub) -> None:
    state = create(provider, {"create": "true", "environment": secret({"A": "hunter2"})})
    assert is_secret(state["environment"])
    assert "hunter2" not in str({key: value for key, value in state.items() if key != "environment"})


def test_cancel_ends_a_command_and_its_children(provider: Stub, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    failed: list[grpc.RpcError] = []

    def run() -> None:
        try:
            create(provider, {"create": f"sleep 300 & echo $! > {pid_file}; wait"})
        except grpc.RpcError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    _until(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
    provider.Cancel(empty_pb2.Empty())
    thread.join(10)
    assert "SIGTERM" in str(failed[0].details())
    _until(lambda: not Path(f"/proc/{pid_file.read_text().strip()}").exists())


def test_unknown_and_unsupported_properties_are_refused_together(provider: Stub) -> None:
    _, failures = check(provider, URN, {"crate": "x", "assetPaths": ["*"], "logging": "loud"})
    assert set(failures) == {"crate", "assetPaths", "logging"}
    _, failures = check(provider, REMOTE_URN, {"create": "x", "connection": {"hots": "h"}})
    assert set(failures) == {"connection.hots", "connection.host"}


def test_a_connection_is_secret_whatever_the_program_says(provider: Stub) -> None:
    inputs, _ = check(provider, REMOTE_URN, {"connection": {"host": "h", "privateKey": "k"}})
    assert inputs["connection"][SIGNATURE]
    assert is_secret(inputs["connection"]["value"]["privateKey"])
    assert plain(inputs["connection"])["dialErrorLimit"] == 10


def test_refresh_changes_nothing(provider: Stub) -> None:
    state = encode({"create": "x", "stdout": "y"})
    answer = provider.Read(provider_pb2.ReadRequest(urn=URN, id="c1", properties=state, inputs=state))
    assert (answer.id, answer.properties) == ("c1", state)


def test_remote_runs_over_ssh_and_leaves_no_trace_in_the_process_list(provider: Stub, ssh: SshServer) -> None:
    marker = "MARKER" + os.urandom(4).hex()
    seen: list[str] = []
    ssh.while_running = lambda: seen.extend(_command_lines())
    state = create(
        provider,
        {"connection": ssh.connection, "create": f"cat; echo {marker}; echo e >&2", "stdin": "in\n"},
        REMOTE_URN,
    )
    assert (state["stdout"], state["stderr"]) == (f"in\n{marker}", "e")
    assert is_secret(state["connection"])
    own = [line for line in seen if marker in line and not line.startswith(("/bin/sh", "cat", "sh"))]
    assert own == []


def test_a_command_of_a_hundred_kilobytes_works(provider: Stub, ssh: SshServer) -> None:
    text = ":" + " x" * 50_000 + "\necho done"
    assert create(provider, {"connection": ssh.connection, "create": text}, REMOTE_URN)["stdout"] == "done"


def test_a_wrong_host_key_is_refused_at_once(provider: Stub, ssh: SshServer) -> None:
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        create(provider, {"connection": {**ssh.connection, "hostKey": ssh.other_key}, "create": "true"}, REMOTE_URN)
    details = str(caught.value.details())
    assert "is pinned; refused" in details
    assert ssh.dials == 1
    assert ssh.commands == []
    assert time.monotonic() - started < 5


def test_a_bastion_is_gone_through_with_a_key_of_its_own_and_hung_up_afterwards(
    provider: Stub, ssh: SshServer, tmp_path: Path
) -> None:
    with SshServer(tmp_path) as bastion:
        inputs = {"connection": {**ssh.connection, "proxy": bastion.connection}, "create": "echo through"}
        state = create(provider, inputs, REMOTE_URN)
        assert state["stdout"] == "through"
        assert bastion.forwarded == [("127.0.0.1", ssh.connection["port"])]
        assert bastion.commands == []
        assert is_secret(state["connection"]["value"]["proxy"])
        deadline = time.monotonic() + 10
        while any(transport.is_active() for transport in bastion.transports) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(transport.is_active() for transport in bastion.transports)


def test_a_bastion_with_another_host_key_is_refused_and_the_machine_is_never_dialled(
    provider: Stub, ssh: SshServer, tmp_path: Path
) -> None:
    with SshServer(tmp_path) as bastion:
        proxy = {**bastion.connection, "hostKey": bastion.other_key}
        with pytest.raises(grpc.RpcError, match="is pinned; refused"):
            create(provider, {"connection": {**ssh.connection, "proxy": proxy}, "create": "true"}, REMOTE_URN)
        assert (bastion.forwarded, ssh.dials) == ([], 0)


def test_dialling_is_retried_until_the_machine_answers(provider: Stub, tmp_path: Path) -> None:
    port = free_port()
    with SshServer(tmp_path, port=port, start=False) as server:
        threading.Timer(0.5, server.start).start()
        state = create(provider, {"connection": server.connection, "create": "echo up"}, REMOTE_URN)
        assert state["stdout"] == "up"
        assert server.commands == ["echo up"]


def test_dialling_ends_after_the_limit(provider: Stub) -> None:
    connection = {"host": "127.0.0.1", "port": free_port(), "dialErrorLimit": 2, "password": "p"}
    with pytest.raises(grpc.RpcError, match="no SSH connection after 3 tries"):
        create(provider, {"connection": connection, "create": "true"}, REMOTE_URN)


def test_a_command_that_started_never_runs_again(provider: Stub, ssh: SshServer) -> None:
    ssh.drop_while_running = True
    with pytest.raises(grpc.RpcError):
        create(provider, {"connection": ssh.connection, "create": "sleep 5"}, REMOTE_URN)
    assert ssh.commands == ["sleep 5"]


def test_a_remote_failure_tells_status_and_output(provider: Stub, ssh: SshServer) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(provider, {"connection": ssh.connection, "create": "echo no >&2; exit 7"}, REMOTE_URN)
    assert "Process exited with status 7" in str(caught.value.details())
    assert "no\n" in str(caught.value.details())


def test_an_environment_the_server_refuses_is_an_error(provider: Stub, ssh: SshServer) -> None:
    inputs = {"connection": ssh.connection, "create": "echo $ALLOWED", "environment": {"ALLOWED": "yes"}}
    assert create(provider, inputs, REMOTE_URN)["stdout"] == "yes"
    with pytest.raises(grpc.RpcError, match="environment variable OTHER is refused"):
        create(provider, {**inputs, "environment": {"OTHER": "x"}}, REMOTE_URN)


def test_an_unreadable_key_is_told_without_its_text(provider: Stub, ssh: SshServer) -> None:
    bad = {**ssh.connection, "privateKey": "-----BEGIN hunter2"}
    with pytest.raises(grpc.RpcError) as caught:
        create(provider, {"connection": bad, "create": "true"}, REMOTE_URN)
    assert "privateKey is not a private key" in str(caught.value.details())
    assert "hunter2" not in str(caught.value.details())


def test_output_passes_on_whole_lines_of_the_chosen_stream() -> None:
    lines: list[str] = []
    output = Output("stderr", lines.append)
    output.feed("stdout", b"not logged\n")
    output.feed("stderr", b"one\ntw")
    output.feed("stderr", "ø".encode()[:1])
    output.feed("stderr", "ø".encode()[1:])
    output.feed("stderr", b"", last=True)
    assert lines == ["one", "twø"]
    assert output.state() == {"stdout": "not logged", "stderr": "one\ntwø"}


def _command_lines() -> list[str]:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return lines


def _until(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)
