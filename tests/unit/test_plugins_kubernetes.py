"""The kubernetes provider stand-in, over real gRPC, against a pretence of an API server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2

from offline.plugins.kubernetes_provider.provider import KubernetesProvider
from offline.plugins.protocol import provider_pb2, provider_pb2_grpc, status_pb2
from offline.plugins.values import UNKNOWN, decode, encode, is_secret, plain, secret
from tests.unit.fake_api import FakeApi
from tests.unit.ssh_server import free_port

Stub = provider_pb2_grpc.ResourceProviderStub
TYPE = "urn:pulumi:dev::test::kubernetes:core/v1:ConfigMap::cm"
DEPLOYMENT = "urn:pulumi:dev::test::kubernetes:apps/v1:Deployment::d"
PROVIDER = "urn:pulumi:dev::test::pulumi:providers:kubernetes::k"


def config_map(**data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm", "namespace": "x"}, "data": data}


@pytest.fixture
def api() -> Iterator[FakeApi]:
    fake = FakeApi()
    yield fake
    fake.close()


@pytest.fixture
def provider() -> Iterator[Stub]:
    server = grpc.server(ThreadPoolExecutor(8))
    servicer = KubernetesProvider()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Stub(channel)
    servicer.stop()
    server.stop(0)


def configure(provider: Stub, kubeconfig: Any, **more: str) -> None:
    text = kubeconfig if isinstance(kubeconfig, str) else json.dumps(kubeconfig)
    variables = {f"kubernetes:config:{key}": value for key, value in {"kubeconfig": text, **more}.items()}
    provider.Configure(provider_pb2.ConfigureRequest(variables=variables, acceptSecrets=True))


def check(provider: Stub, inputs: dict[str, Any], urn: str = TYPE, **more: Any) -> dict[str, Any]:
    answer = provider.Check(provider_pb2.CheckRequest(urn=urn, news=encode(inputs), randomSeed=b"seed", **more))
    assert not answer.failures
    return decode(answer.inputs)


def create(
    provider: Stub, inputs: dict[str, Any], urn: str = TYPE, *, preview: bool = False
) -> tuple[str, dict[str, Any]]:
    request = provider_pb2.CreateRequest(urn=urn, properties=encode(inputs), preview=preview)
    answer = provider.Create(request)
    return answer.id, decode(answer.properties)


def update(provider: Stub, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    request = provider_pb2.UpdateRequest(urn=TYPE, id="x/cm", olds=encode(old), news=encode(new))
    return decode(provider.Update(request).properties)


def diff(provider: Stub, state: dict[str, Any], new: dict[str, Any]) -> provider_pb2.DiffResponse:
    request = provider_pb2.DiffRequest(urn=TYPE, id="x/cm", olds=encode(state), news=encode(new))
    answer: provider_pb2.DiffResponse = provider.Diff(request)
    return answer


def details(caught: pytest.ExceptionInfo[grpc.RpcError]) -> str:
    return str(caught.value.details())


def test_the_state_has_the_official_shape(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    identity, state = create(provider, config_map(a="1"))
    assert identity == "x/cm"
    assert state["data"] == {"a": "1"}
    assert state["__inputs"] == config_map(a="1")
    assert state["__initialApiVersion"] == "v1"
    assert state["__fieldManager"].startswith("pulumi-kubernetes-")
    assert state["metadata"]["managedFields"][0]["manager"] == "pulumi-kubernetes"


def test_preview_without_a_cluster_asks_nobody(provider: Stub) -> None:
    configure(provider, UNKNOWN)
    started = time.monotonic()
    assert check(provider, config_map(a=UNKNOWN))["data"] == {"a": UNKNOWN}
    assert create(provider, config_map(a="1"), preview=True) == ("", config_map(a="1"))
    assert time.monotonic() - started < 1


def test_preview_with_an_unreachable_cluster_goes_on_quickly(provider: Stub, api: FakeApi) -> None:
    gone = api.kubeconfig
    gone["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{free_port()}"
    configure(provider, gone)
    started = time.monotonic()
    for _ in range(3):
        assert create(provider, config_map(a="1"), preview=True) == ("", config_map(a="1"))
    assert time.monotonic() - started < 5


def test_preview_with_a_cluster_is_a_dry_run(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    _, state = create(provider, config_map(a="1"), preview=True)
    assert state["metadata"]["uid"]
    assert api.objects == {}
    assert any("dryRun=All" in target for _, target in api.requests)


def test_a_name_is_made_from_the_resource_and_kept(provider: Stub) -> None:
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "data": {}}
    first = check(provider, inputs)
    assert first["metadata"]["name"].startswith("cm-")
    assert len(first["metadata"]["name"]) == len("cm-") + 8
    assert first["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert check(provider, inputs, olds=encode(first)) == first


def test_the_engines_proposal_for_a_name_is_taken_and_a_ban_is_told(provider: Stub) -> None:
    options = provider_pb2.CheckRequest.AutonamingOptions
    inputs = {"apiVersion": "v1", "kind": "ConfigMap"}
    taken = check(provider, inputs, autonaming=options(proposed_name="cm-mine", mode=options.ENFORCE))
    assert taken["metadata"]["name"] == "cm-mine"
    request = provider_pb2.CheckRequest(urn=TYPE, news=encode(inputs), autonaming=options(mode=options.DISABLE))
    assert provider.Check(request).failures[0].property == "metadata.name"


def test_config_map_data_replaces_unless_mutable(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    _, state = create(provider, config_map(a="1", b="2"))
    answer = diff(provider, state, config_map(a="x", b="2"))
    assert list(answer.replaces) == ["data.a"]
    assert answer.deleteBeforeReplace
    configure(provider, api.kubeconfig, enableConfigMapMutable="true")
    answer = diff(provider, state, config_map(a="x", b="2"))
    assert dict(answer.detailedDiff) == {"data.a": provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.UPDATE)}
    assert not answer.replaces


def test_no_change_is_no_diff_even_with_an_unnamed_default_namespace(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}}
    _, state = create(provider, inputs)
    explicit = {**inputs, "metadata": {"name": "cm", "namespace": "default"}}
    assert diff(provider, state, explicit).changes == provider_pb2.DiffResponse.DIFF_NONE
    moved = {**inputs, "metadata": {"name": "cm", "namespace": "other"}}
    assert list(diff(provider, state, moved).replaces) == ["metadata.namespace"]


def test_update_applies_with_the_states_field_manager(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    _, state = create(provider, config_map(a="1"))
    new = update(provider, state, config_map(a="2"))
    assert new["data"] == {"a": "2"}
    assert new["__fieldManager"] == state["__fieldManager"]
    assert any(f"fieldManager={state['__fieldManager']}&force=false" in target for _, target in api.requests)


def test_a_conflict_names_the_manager_the_field_and_the_way_out(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    _, state = create(provider, config_map(a="1"))
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".data.a"}
    api.failures = [(200, api.objects["/api/v1/namespaces/x/configmaps/cm"])]
    api.failures.append((200, {}))  # fields of the client that made it are taken over
    api.failures.append((409, {"reason": "Conflict", "message": "c", "details": {"causes": [cause]}}))
    with pytest.raises(grpc.RpcError) as caught:
        update(provider, state, config_map(a="2"))
    assert '.data.a: conflict with "kubectl"' in details(caught)
    assert 'pulumi.com/patchForce: "true"' in details(caught)


def test_an_object_that_is_there_already_is_refused_or_taken_over(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    create(provider, config_map(a="1"))
    with pytest.raises(grpc.RpcError, match="in the cluster already"):
        create(provider, config_map(a="2"))
    configure(provider, api.kubeconfig, upsertExistingObjects="true")
    assert create(provider, config_map(a="2"))[1]["data"] == {"a": "2"}


def test_requests_are_patient_with_a_server_that_starts(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    api.failures = [(503, {}), (0, {}), (429, {})]
    assert create(provider, config_map(a="1"))[0] == "x/cm"


@pytest.mark.parametrize("code", [0, 500, 504])
def test_a_create_that_was_carried_out_though_its_answer_did_not_say_so_is_no_error(
    provider: Stub, api: FakeApi, code: int
) -> None:
    configure(provider, api.kubeconfig)
    api.lost = [code]
    assert create(provider, config_map(a="1"))[0] == "x/cm"


@pytest.mark.parametrize(
    "theirs", [{"creationTimestamp": "2018-07-08T00:00:00Z"}, {"managedFields": [{"manager": "kubectl"}]}]
)
@pytest.mark.parametrize("code", [0, 500])
def test_another_object_of_that_name_is_refused_even_after_a_lost_answer(
    provider: Stub, api: FakeApi, code: int, theirs: dict[str, Any]
) -> None:
    configure(provider, api.kubeconfig)
    create(provider, config_map(a="1"))
    api.objects["/api/v1/namespaces/x/configmaps/cm"]["metadata"] |= theirs
    api.failures = [(code, {})]
    with pytest.raises(grpc.RpcError, match="in the cluster already"):
        create(provider, config_map(a="1"))


def test_an_answer_before_which_nothing_was_done_leaves_no_doubt(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    create(provider, config_map(a="1"))
    api.failures = [(429, {})]
    with pytest.raises(grpc.RpcError, match="in the cluster already"):
        create(provider, config_map(a="1"))


def test_a_refused_object_fails_at_once_with_the_servers_words(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    api.answer("GET", "/api/v1", None)
    create(provider, config_map(a="1"))
    api.failures = [(422, {"reason": "Invalid", "message": "spec.x: Invalid value"})]
    with pytest.raises(grpc.RpcError, match=r"spec\.x: Invalid value"):
        create(provider, config_map(b="1"))


def test_a_secret_is_secret_in_the_state_and_marks_are_kept(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    urn = TYPE.replace("ConfigMap", "Secret")
    inputs = check(
        provider, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "hunter2"}}, urn
    )
    assert "stringData" not in inputs
    assert is_secret(inputs["data"])
    assert plain(inputs["data"]) == {"k": "aHVudGVyMg=="}
    _, state = create(provider, inputs, urn)
    assert is_secret(state["data"])
    assert is_secret(state["__inputs"]["data"])
    later = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": UNKNOWN}}
    assert is_secret(check(provider, later, urn)["stringData"])
    marked = {**config_map(), "data": {"open": "1", "shut": secret("hunter2")}}
    _, state = create(provider, check(provider, marked))
    assert state["data"]["open"] == "1"
    assert is_secret(state["data"]["shut"])
    assert is_secret(state["__inputs"]["data"]["shut"])


def test_dashed_schema_keys_reach_the_api_and_come_back(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    dashed = {"x-kubernetes-preserve-unknown-fields": True}
    given = {**config_map(), "schema": {"x_kubernetes_preserve_unknown_fields": secret(True)}}
    inputs = check(provider, given)
    # The engine keeps them as the API spells them, the provider's own part of the state as the SDK does.
    assert plain(inputs["schema"]) == dashed
    _, state = create(provider, inputs)
    assert api.objects["/api/v1/namespaces/x/configmaps/cm"]["schema"] == dashed
    assert state["schema"] == given["schema"]
    assert state["__inputs"]["schema"] == given["schema"]
    assert diff(provider, state, inputs).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_refresh_shows_drift_and_only_drift(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    _, state = create(provider, config_map(a="1", b="2"))
    live = api.objects["/api/v1/namespaces/x/configmaps/cm"]
    live["data"] = {"a": "changed", "extra": "theirs"}
    request = provider_pb2.ReadRequest(
        urn=TYPE, id="x/cm", properties=encode(state), inputs=encode(config_map(a="1", b="2"))
    )
    answer = provider.Read(request)
    assert decode(answer.inputs)["data"] == {"a": "changed"}
    api.objects.clear()
    assert provider.Read(request).id == ""


def test_delete_of_what_is_gone_succeeds(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    _, state = create(provider, config_map(a="1"))
    request = provider_pb2.DeleteRequest(urn=TYPE, id="x/cm", properties=encode(state))
    provider.Delete(request)
    assert api.objects == {}
    provider.Delete(request)


def test_an_unreachable_cluster_drops_objects_only_when_told(
    provider: Stub, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    from offline.plugins.kubernetes_provider import provider as module

    monkeypatch.setattr(module, "DELETE_PATIENCE", 1.0)
    gone = api.kubeconfig
    gone["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{free_port()}"
    configure(provider, gone, deleteUnreachable="true")
    state = {**config_map(), "__inputs": config_map()}
    provider.Delete(provider_pb2.DeleteRequest(urn=TYPE, id="x/cm", properties=encode(state)))


def deployment(**metadata: Any) -> dict[str, Any]:
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "x", **metadata},
        "spec": spec,
    }


def test_a_failed_wait_tells_why_and_keeps_the_state(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    trouble = {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "no pods"}
    api.on_write = lambda live: live.update(status={"observedGeneration": 1, "conditions": [trouble]})
    with pytest.raises(grpc.RpcError) as caught:
        create(provider, deployment(annotations={"pulumi.com/timeoutSeconds": "1"}), DEPLOYMENT)
    assert "is not ready after 1 s: 0 of 1 replicas are updated" in details(caught)
    assert "MinimumReplicasUnavailable no pods" in details(caught)
    failure = _init_failure(caught.value)
    assert failure.id == "x/d"
    assert decode(failure.properties)["kind"] == "Deployment"


def test_skip_await_does_not_wait(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    assert create(provider, deployment(annotations={"pulumi.com/skipAwait": "true"}), DEPLOYMENT)[0] == "x/d"


def test_cancel_ends_a_wait(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    failed: list[grpc.RpcError] = []

    def run() -> None:
        try:
            create(provider, deployment(), DEPLOYMENT)
        except grpc.RpcError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 10
    while not api.objects and time.monotonic() < deadline:
        time.sleep(0.02)
    provider.Cancel(empty_pb2.Empty())
    thread.join(10)
    assert "cancelled" in str(failed[0].details())
    assert _init_failure(failed[0]).id == "x/d"


def test_a_kind_that_appears_during_the_run_is_found(provider: Stub, api: FakeApi) -> None:
    configure(provider, api.kubeconfig)
    create(provider, config_map())
    threading.Timer(1.5, lambda: api.resources.update({"/apis/e.io/v1": [("widgets", False, "Widget")]})).start()
    widget = {"apiVersion": "e.io/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "dropped"}}
    assert create(provider, widget, "urn:pulumi:dev::test::kubernetes:e.io/v1:Widget::w")[0] == "w"
    assert "namespace" not in api.objects["/apis/e.io/v1/widgets/w"]["metadata"]


def test_what_is_not_an_object_is_refused_clearly(provider: Stub) -> None:
    for kind in ("kubernetes:helm.sh/v3:Release", "kubernetes:core/v1:ConfigMapPatch", "kubernetes:core/v1:PodList"):
        with pytest.raises(grpc.RpcError, match="not part of fjordkube's stand-in"):
            check(provider, config_map(), f"urn:pulumi:dev::test::{kind}::x")


def _diff_config(provider: Stub, old: dict[str, Any], new: dict[str, Any]) -> tuple[list[str], list[str]]:
    answer = provider.DiffConfig(provider_pb2.DiffRequest(urn=PROVIDER, olds=encode(old), news=encode(new)))
    return list(answer.diffs), list(answer.replaces)


def test_only_another_cluster_identifier_replaces_when_both_have_one(provider: Stub) -> None:
    same = {"clusterIdentifier": "a", "kubeconfig": "k"}
    assert _diff_config(provider, same, same) == ([], [])
    assert _diff_config(provider, same, {**same, "kubeconfig": UNKNOWN}) == (["kubeconfig"], [])
    assert _diff_config(provider, same, {**same, "clusterIdentifier": "b"})[1] == ["clusterIdentifier"]


def test_without_identifier_the_active_cluster_decides(provider: Stub, api: FakeApi) -> None:
    one, other = api.kubeconfig, api.kubeconfig
    other["users"][0]["user"]["token"] = "new"
    old = {"kubeconfig": json.dumps(one)}
    assert _diff_config(provider, old, {"kubeconfig": json.dumps(other)}) == (["kubeconfig"], [])
    other["clusters"][0]["cluster"]["server"] = "http://elsewhere"
    assert _diff_config(provider, old, {"kubeconfig": json.dumps(other)})[1] == ["kubeconfig"]
    assert _diff_config(provider, old, {"kubeconfig": UNKNOWN})[1] == ["kubeconfig"]


def test_a_bad_kubeconfig_is_told_without_its_text(provider: Stub, tmp_path: Path) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        configure(provider, "a: [hunter2\nb: {")
    assert details(caught) == "kubeconfig is not YAML"
    with pytest.raises(grpc.RpcError, match="there is no file"):
        configure(provider, str(tmp_path / "none"))


def _init_failure(error: grpc.RpcError) -> provider_pb2.ErrorResourceInitFailed:
    (found,) = [entry.value for entry in error.trailing_metadata() or () if entry.key == "grpc-status-details-bin"]
    assert isinstance(found, bytes)
    status = status_pb2.Status.FromString(found)
    failure = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(failure)
    return failure
