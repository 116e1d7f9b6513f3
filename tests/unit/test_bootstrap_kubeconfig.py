"""Pointing a kubeconfig at where its user reaches the API."""

from __future__ import annotations

from fjordkube.bootstrap.kubeconfig import MARK, reachable
from fjordkube.node import endpoint

TEXT = "clusters:\n- cluster:\n    server: https://api.fjord.internal:6443\n  name: fjord\n"


def test_only_the_server_changes() -> None:
    assert reachable(TEXT, "127.0.0.1:16443") == TEXT.replace("api.fjord.internal:6443", "127.0.0.1:16443")


def test_ipv6_gets_its_brackets() -> None:
    assert "server: https://[2001:db8::1]:6443\n" in reachable(TEXT, endpoint("2001:db8::1", 6443))


def test_what_a_login_shell_printed_before_is_left_out() -> None:
    noise = "Welcome to vps1\n    server: https://status.vendor.example\n"
    assert reachable(noise + MARK + TEXT, "127.0.0.1:16443") == reachable(TEXT, "127.0.0.1:16443")
