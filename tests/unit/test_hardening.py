"""Hardening: what the profiles are, single switches, and that what is named is there."""

from __future__ import annotations

from typing import Any

import pytest

from fjordkube.bootstrap import hardening, paths, steps
from fjordkube.host import sysctls
from fjordkube.host.paths import AUDIT_LOGS
from fjordkube.settings import Hardening
from tests.golden.bootstrap_cluster import kubeadm, nodes, stack
from tests.unit.refusals import problems

PRODUCTION = Hardening(profile="production")


def switches(of: Hardening) -> dict[str, Any]:
    return of.model_dump(exclude={"profile", "secrets_key"})


def test_a_profile_sets_every_switch_that_is_not_named() -> None:
    assert switches(Hardening()) == {
        "secrets_encryption": False,
        "audit_log": False,
        "pod_security": "privileged",
        "event_rate_limit": False,
        "deny_external_ips": False,
    }
    assert switches(PRODUCTION) == {
        "secrets_encryption": True,
        "audit_log": True,
        "pod_security": "baseline",
        "event_rate_limit": True,
        "deny_external_ips": True,
    }
    named = Hardening.model_validate({"profile": "production", "audit_log": False, "pod_security": "restricted"})
    assert (named.audit_log, named.pod_security, named.event_rate_limit) == (False, "restricted", True)


def test_a_key_is_numbered_only_where_secrets_are_encrypted() -> None:
    assert Hardening().key == 0
    assert Hardening(profile="production", secrets_key=4).key == 4
    assert problems({"kubernetes": {"hardening": {"secrets_key": 2}}}) == [
        "kubernetes.hardening.secrets_key: a key is numbered, and Secrets are not encrypted; "
        "set secrets_encryption: true, or leave the number out"
    ]
    assert stack(kubernetes={"hardening": {"secrets_key": 2, "secrets_encryption": True}}).kubernetes.hardening.key == 2


@pytest.mark.parametrize(
    ("switch", "value", "arguments"),
    [
        ("audit_log", True, {"audit-policy-file", "audit-log-path", *hardening.AUDIT_ROTATION}),
        ("event_rate_limit", True, {"enable-admission-plugins", "admission-control-config-file"}),
        ("deny_external_ips", True, {"enable-admission-plugins"}),
        ("pod_security", "restricted", {"admission-control-config-file"}),
        ("secrets_encryption", True, set()),
    ],
)
def test_each_switch_alone_brings_its_own_arguments(switch: str, value: object, arguments: set[str]) -> None:
    plain = hardening.api_server_arguments(Hardening())
    alone = hardening.api_server_arguments(Hardening.model_validate({switch: value}))
    assert alone.keys() - plain.keys() == arguments
    assert plain["encryption-provider-config"] == alone["encryption-provider-config"] == paths.SECRETS_ENCRYPTION


@pytest.mark.parametrize("of", [Hardening(), PRODUCTION, Hardening(audit_log=True), Hardening(pod_security="baseline")])
def test_every_file_that_is_named_is_brought_and_shown_to_the_api_server(of: Hardening) -> None:
    named = {text for text in hardening.api_server_arguments(of).values() if text.startswith(paths.POLICIES)}
    assert named == hardening.api_server_files(of).keys()
    shown = {volume["mountPath"]: volume.get("readOnly", False) for volume in hardening.api_server_volumes(of)}
    assert (paths.POLICIES in shown) == bool(named)
    assert shown.get(paths.POLICIES, True)
    assert ("audit-log-path" in hardening.api_server_arguments(of)) == (AUDIT_LOGS in shown)
    text = steps.member(
        nodes()[0], kubeadm(settings=stack(kubernetes={"hardening": of.model_dump(exclude_unset=True)})), []
    )
    assert all(f"write_file {path} 0644" in text for path in named)


def test_an_edited_policy_is_an_edited_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server reads them at its start, and member.sh applies what kubeadm's file says."""
    before = hardening.api_server_environment(PRODUCTION)
    assert hardening.api_server_environment(Hardening()) == {}
    monkeypatch.setattr(hardening, "ANONYMOUS", ("/livez",))
    assert hardening.api_server_environment(PRODUCTION) != before


def test_kubeadms_own_plugin_stays() -> None:
    assert hardening.api_server_arguments(PRODUCTION)["enable-admission-plugins"].startswith("NodeRestriction,")


def test_hosts_are_as_the_kubelet_insists() -> None:
    """pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables: it does not start where one differs."""
    assert hardening.kubelet(PRODUCTION)["protectKernelDefaults"]
    held = {item.key: item.value for item in sysctls.SYSCTLS if item.rule == "exact"}
    assert (
        held.items()
        >= {
            "vm.overcommit_memory": "1",
            "vm.panic_on_oom": "0",
            "kernel.panic": "10",
            "kernel.panic_on_oops": "1",
            "kernel.keys.root_maxkeys": "1000000",
            "kernel.keys.root_maxbytes": "25000000",
        }.items()
    )
