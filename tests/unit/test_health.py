"""Verdicts on a living cluster: each figure at its bound, the fix that goes with it, many nodes' rows as few."""

from __future__ import annotations

import calendar
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from fjordkube.artifacts import ends
from fjordkube.health import certificates
from fjordkube.health.judgement import figures, judge
from fjordkube.health.rows import Row, merged, worst
from fjordkube.health.seen import Seen
from fjordkube.helpers.survey.asking import Answer

NOW = float(calendar.timegm((2026, 11, 28, 12, 0, 0)))
NAMES = {"cp1": 11, "cp2": 12, "w1": 101}
PLANES = ("cp1", "cp2")
UNREACHED = "is not reachable by SSH at 10.0.0.1 port 22 (timed out)"
COLUMNS: dict[str, list[str]] = {
    "nodes": ["Name", "Status", "Version", "Internal-IP", "Container-Runtime"],
    "pods": ["Name", "Ready", "Status", "Restarts", "Age", "Node"],
}
POD = ["calico-node-x", "1/1", "Running", "0", "3d", "w1"]


def table(kind: str, *rows: list[str]) -> str:
    columns = [{"name": name} for name in COLUMNS[kind]]
    return json.dumps({"kind": "Table", "columnDefinitions": columns, "rows": [{"cells": row} for row in rows]})


def member(name: str, status: str = "Ready", version: str = "v1.37.1") -> list[str]:
    return [name, status, version, f"192.168.77.{NAMES.get(name, 99)}", "containerd://2.1.9"]


def ending(path: str, days: float) -> str:
    return f"{path} {time.strftime('%b %d %H:%M:%S %Y GMT', time.gmtime(NOW + days * 86400))}"


def bird(name: str, **states: str) -> list[str]:
    """The node's mesh; a peer's state instead of Established by its name."""
    rows = ["0001 BIRD 1.6.8 ready."]
    for peer, last in NAMES.items():
        if peer != name:
            state = states.get(peer, "Established")
            up = "up" if state == "Established" else "start"
            rows.append(f" Mesh_192_168_77_{last} BGP      master   {up}     13:07:41    {state}")
    return [*rows, "0000"]


def members(*names: str) -> str:
    found = [{"ID": str(NAMES.get(name, 99)), "name": name, "peerURLs": ["https://p:2380"]} for name in names]
    return json.dumps({"members": found})


def status(**changes: Any) -> str:
    return json.dumps({"leader": "11", "dbSize": "20971520", "dbSizeInUse": "10485760", **changes})


def facts(name: str, **changes: Any) -> Answer:
    """A node that is well; a fact given as None was not told."""
    told: dict[str, Any] = {
        "clock": str(NOW + 0.1),
        "clock_end": str(NOW + 0.9),
        "uid": "0",
        "kernel": "6.12.1-amd64",
        "os_id": "debian",
        "os_version": "13",
        "os_name": "Debian GNU/Linux 13 (trixie)",
        "uptime": "90000.00",
        "runc": "runc version 1.3.3",
        "synchronised": "yes",
        "disk": ["/ / 1000 630 500 400"],
        "unit": [f"{unit}.service loaded active running 0 9000000" for unit in ("containerd", "kubelet")],
        "certificate": [ending("/var/lib/kubelet/pki/kubelet-client-current.pem", 300.5)],
        "bird": bird(name),
    }
    if name in PLANES:
        told |= {
            "certificate": [ending("/etc/kubernetes/pki/apiserver.crt", 350.5)],
            "etcd_health": '{"health":"true","reason":""}',
            "etcd_status": status(),
            "etcd_members": members(*PLANES),
            "etcd_alarms": "{}",
            "api_ready": "ok",
            "api_nodes": table("nodes", *map(member, NAMES)),
            "api_pods/kube-system": table("pods", POD),
            "api_pods/calico-system": table("pods"),
            "api_pods/ingress-nginx": table("pods"),
        }
    told |= {key.replace("__", "/").replace("_system", "-system"): value for key, value in changes.items()}
    values = {key: [value] if isinstance(value, str) else value for key, value in told.items() if value is not None}
    return Answer(values, begun=NOW, ended=NOW + 1)


def seen(changed: Mapping[str, Mapping[str, Any]] | None = None, local: bool = False, silent: str = "") -> Seen:
    """The cluster, with some of some nodes' facts changed; a silent one told nothing."""
    nodes = {name: facts(name, **(changed or {}).get(name, {})) for name in NAMES if name != silent}
    return Seen(nodes, {silent: UNREACHED} if silent else {}, NOW, local)


def wrong(found: Seen) -> list[tuple[str, str, str, str]]:
    return [(row.thing, row.node, row.state, row.figure) for row in judge(found) if row.state != "ok"]


def test_a_cluster_that_is_well_has_a_row_for_each_thing_and_nothing_to_do() -> None:
    rows = judge(seen())
    assert {row.thing for row in rows} == {
        *("API", "nodes", "pods", "etcd", "etcd database", "BGP", "certificates", "disk", "clock", "services"),
        *("Kubernetes", "containerd", "system"),
    }
    assert worst(rows) == "ok"
    assert not [row for row in rows if row.fix]
    told = {row.thing: (row.node, row.figure) for row in rows}
    assert told["etcd"] == ("", "2 of 2 members healthy, leader cp1, none may fail")
    assert told["nodes"] == ("", "3 of 3 Ready")
    assert told["BGP"] == ("all", "2 of 2 sessions Established")
    assert told["certificates"][1].endswith("ends first, in 300 days at worst (w1)")
    assert told["Kubernetes"] == ("all", "v1.37.1, with fixes until 2027-10-28")
    assert told["containerd"] == ("all", "2.1.9, runc 1.3.3")


@pytest.mark.parametrize(
    ("node", "changes", "expected", "fix"),
    [
        ("w1", {"certificate": ending("/var/lib/kubelet/pki/kubelet-client-current.pem", 29.5)},
         ("certificates", "w1", "soon", "pki/kubelet-client-current.pem ends in 29 days"), "journalctl -u kubelet"),
        ("cp1", {"certificate": ending("/etc/kubernetes/pki/apiserver.crt", -0.5)},
         ("certificates", "cp1", "now", "pki/apiserver.crt ended"), "kubeadm certs renew all"),
        ("cp1",
         {"certificate": [ending("/etc/kubernetes/admin.conf", 9.5), ending("/etc/kubernetes/scheduler.conf", 3)]},
         ("certificates", "cp1", "soon", "admin.conf, scheduler.conf: the first ends in 3 days"), "renew all"),
        ("cp1", {"certificate": ending("/etc/kubernetes/pki/etcd/ca.crt", 20)},
         ("certificates", "cp1", "soon", "pki/etcd/ca.crt ends in 20 days"), "kubeadm renews no CA"),
        ("cp1", {"certificate": "/etc/kubernetes/pki/apiserver.crt "},
         ("certificates", "cp1", "now", "/etc/kubernetes/pki/apiserver.crt holds no certificate"), "renew all"),
        ("w1", {"certificate": ending("/var/lib/kubelet/pki/kubelet.crt", -4.5)},
         ("certificates", "w1", "now", "pki/kubelet.crt ended 5 days ago"), "restart kubelet"),
        ("w1", {"disk": "/ / 1000 149 500 400"},
         ("disk", "w1", "soon", "/: 15 % free (0.0 GiB), inodes 80 %"), "du -xh -d 3 /"),
        ("cp1", {"disk": ["/ / 1000 500 0 0", "/var/lib/etcd /var/lib/etcd 1000 99 500 400"]},
         ("disk", "cp1", "now", "/var/lib/etcd: 10 % free (0.0 GiB), inodes 80 %"), "/var/lib/etcd"),
        ("w1", {"disk": "/ / 1000 500 500 24"}, ("disk", "w1", "now", "/: 50 % free (0.0 GiB), inodes 5 %"), "du"),
        ("w1", {"disk": None}, ("disk", "w1", "soon", "df told nothing"), "df -h"),
        ("w1", {"clock": str(NOW - 3)}, ("clock", "w1", "soon", "3.0 s behind this computer's"), "chrony"),
        ("w1", {"clock_end": str(NOW + 41)}, ("clock", "w1", "now", "40.0 s ahead of this computer's"), "chrony"),
        ("w1", {"synchronised": "no"},
         ("clock", "w1", "soon", "right, and not synchronised with any server"), "chrony"),
        ("w1", {"clock_offset": "1.5 seconds slow of NTP time"},
         ("clock", "w1", "soon", "-1.5 s from its servers'"), "chrony"),
        ("w1", {"clock_offset": "+1min 2.5s"}, ("clock", "w1", "soon", "+62.5 s from its servers'"), "chrony"),
        ("w1", {"unit": "kubelet.service loaded activating auto-restart 7 0"},
         ("services", "w1", "now", "kubelet is activating (auto-restart)"), "journalctl -u kubelet"),
        ("w1", {"unit": "kubelet.service loaded active running 3 89400000000"},
         ("services", "w1", "note", "kubelet was started anew 3 times, the last 10 min ago"), "journalctl -u kubelet"),
        ("w1", {"unit": "containerd.service not-found inactive dead 0 0"},
         ("services", "w1", "now", "containerd is not-found"), "systemctl status containerd"),
        ("w1", {"unit": "kubelet.service loaded"}, ("services", "w1", "soon", "systemd told nothing"), "systemctl"),
        ("w1", {"unit": "containerd.service loaded failed failed 5 0"},
         ("services", "w1", "now", "containerd is failed (failed)"), "journalctl -u containerd"),
        ("w1", {"os_version": "12", "os_name": "Debian 12"},
         ("system", "w1", "note", "Debian 12, kernel 6.12.1-amd64, with long-term fixes alone, until 2028-06-30"),
         "newer"),
        ("w1", {"os_id": "ubuntu", "os_version": "21.10", "os_name": "Ubuntu 21.10"},
         ("system", "w1", "note", "Ubuntu 21.10, kernel 6.12.1-amd64, whose end is not known here"), "newer"),
        ("w1", {"bird": bird("w1", cp2="Active")},
         ("BGP", "w1", "now", "1 of 2 sessions Established (cp2: Active)"), "port 179"),
        ("w1", {"bird": None}, ("BGP", "w1", "now", "BIRD does not answer"), "logs"),
        ("w1", {"uid": "1000"}, ("SSH", "w1", "now", "its user is not root, and told little"), "sudo"),
        ("w1", {"ipvs": "yes"},
         ("kube-proxy", "w1", "note", "ipvs is deprecated since Kubernetes 1.35: off by default from 1.40 (feature "
          "gate KubeProxyIPVS), gone in 1.43"), "nftables"),
        ("cp1", {"api_ready": "[+]ping ok [-]etcd failed: reason withheld"},
         ("API", "cp1", "now", "is not ready (etcd)"), "crictl"),
        ("cp2", {"api_ready": None, "api_ready_silent": "curl: (7) refused"},
         ("API", "cp2", "now", "does not answer (curl: (7) refused)"), "crictl"),
        ("cp1", {"api_nodes": table("nodes", member("cp1"), member("cp2"))},
         ("nodes", "w1", "now", "is no member of the cluster"), "make up"),
        ("cp1", {"api_nodes": table("nodes", member("cp1"), member("cp2"), member("w1", "NotReady"))},
         ("nodes", "w1", "now", "NotReady"), "describe node w1"),
        ("cp1", {"api_nodes": table("nodes", member("cp1"), member("cp2"), member("w1", "Ready,SchedulingDisabled"))},
         ("nodes", "w1", "note", "takes no new pods"), "uncordon w1"),
        ("cp1", {"api_nodes": table("nodes", *map(member, [*NAMES, "old"]))},
         ("nodes", "old", "note", "is in the cluster, and not in this stack"), "delete node old"),
        ("cp1", {"api_nodes": table("nodes", *(member(name, version="v1.34.2") for name in NAMES))},
         ("Kubernetes", "all", "note", "v1.34.2, whose end is not known here"), "kubernetes.version"),
        ("cp1", {"api_pods__kube_system": table("pods", ["p", "0/1", "CrashLoopBackOff", "9 (2m ago)", "1h", "w1"])},
         ("pods", "w1", "now", "p is CrashLoopBackOff, 0/1 ready, 9 restarts"), "describe pod p"),
        ("cp1", {"api_pods__kube_system": table("pods", ["p", "0/1", "ContainerCreating", "0", "4m59s", "<none>"])},
         ("pods", "", "note", "p is ContainerCreating, 0/1 ready, 0 restarts"), "describe pod p"),
        ("cp1", {"api_pods__kube_system": table("pods", ["p", "1/1", "Running", "5 (59m ago)", "3d", "w1"])},
         ("pods", "w1", "soon", "p was restarted 5 times, the last 59 min ago"), "--previous"),
        ("cp1", {"api_pods__kube_system": table("pods", ["p", "1/1", "Running", "4 (59m ago)", "3d", "w1"])},
         ("pods", "w1", "note", "p was restarted 4 times, the last 59 min ago"), "--previous"),
        ("cp1", {"etcd_status": status(dbSize="1610612736")},
         ("etcd database", "cp1", "soon", "1536 MiB of 2048 MiB (10 MiB in use)"), "defrag"),
        ("cp1", {"etcd_status": status(dbSize="983040000", dbSizeQuota="1048576000")},
         ("etcd database", "cp1", "now", "938 MiB of 1000 MiB (10 MiB in use)"), "defrag"),
        ("cp1", {"etcd_status": status(leader="0")},
         ("etcd", "", "now", "2 of 2 members healthy, no leader, none may fail"), "majority"),
        ("cp1", {"etcd_status": status(leader="12")},
         ("etcd", "", "now", "2 of 2 members healthy, 2 leaders, none may fail"), "clocks"),
        ("cp1", {"etcd_alarms": '{"alarms":[{"memberID":"12","alarm":"NOSPACE"}]}'},
         ("etcd", "cp2", "now", "alarm NOSPACE"), "disarm"),
        ("cp1", {"etcd_members": members("cp1", "cp2", "gone")},
         ("etcd", "", "soon", "member gone is none of this stack's nodes"), "member remove"),
        ("cp1", {"etcd_members": members("cp1", "cp2", "")},
         ("etcd", "", "soon", "member https://p:2380 has never started"), "member remove"),
        ("cp1", {"etcd_members": members("cp1")},
         ("etcd", "cp2", "now", "answers, and is no member of the others' cluster"), "crictl"),
        ("cp2", {"etcd_health": '{"health":"false","reason":"RAFT NO LEADER"}'},
         ("etcd", "cp2", "now", "is not healthy (RAFT NO LEADER)"), "crictl"),
        ("cp2", {"etcd_health": None, "etcd_health_silent": "curl: (7) refused"},
         ("etcd", "", "now", "1 of 2 members healthy, leader cp1, none may fail"), "others"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_fix(
    node: str, changes: dict[str, Any], expected: tuple[str, str, str, str], fix: str
) -> None:
    rows = [row for row in judge(seen({node: changes})) if row.state != "ok"]
    told = {(row.thing, row.node, row.state, row.figure): row.fix for row in rows}
    assert expected in told, list(told)
    assert fix in told[expected]


def test_one_of_three_members_down_is_work_for_days_and_two_is_work_for_now() -> None:
    three = {"etcd_members": members("cp1", "cp2", "w1")}
    well = {"etcd_health": '{"health":"true"}', "etcd_status": status(), **three}
    (row,) = [row for row in wrong(seen({"cp1": three, "cp2": three})) if row[0] == "etcd"]
    assert row == ("etcd", "", "soon", "2 of 3 members healthy, leader cp1, none may fail")
    assert not [row for row in wrong(seen({"cp1": three, "cp2": three, "w1": well})) if row[0] == "etcd"]


def test_a_node_that_does_not_answer_is_one_line_and_the_rest_is_told() -> None:
    found = wrong(seen(silent="cp2"))
    assert ("SSH", "cp2", "now", UNREACHED) in found
    assert {row[0] for row in found} == {"SSH", "etcd"}  # the others tell that a member is missing


def test_without_any_api_the_machines_are_still_judged() -> None:
    silent = {"api_ready": None, "api_ready_silent": "curl: (7) refused", "api_nodes": None, "etcd_health": None}
    rows = judge(seen({"cp1": silent, "cp2": silent}))
    assert ("nodes", "", "now", "no API server tells them") in [(r.thing, r.node, r.state, r.figure) for r in rows]
    assert {"certificates", "disk", "clock", "services", "system"} <= {row.thing for row in rows}
    found = wrong(seen({"cp1": silent, "cp2": silent, "w1": {"bird": bird("w1", cp2="Active")}}))
    assert ("BGP", "w1", "now", "1 of 2 sessions Established (192.168.77.12: Active)") in found


def test_machines_of_this_computer_have_its_clock() -> None:
    alone = {name: {"synchronised": "no"} for name in NAMES}
    assert wrong(seen(alone, local=True)) == []
    assert {row[0] for row in wrong(seen(alone))} == {"clock"}


def test_a_provider_that_guards_a_node_leaves_it_without_our_firewall() -> None:
    units = [f"{unit}.service loaded active running 0 9000000" for unit in ("containerd", "kubelet")]
    absent, dead = (
        "fjordkube-firewall.service not-found inactive dead 0 0",
        "fjordkube-firewall.service loaded failed x 0 0",
    )
    assert wrong(seen({"w1": {"unit": [*units, absent]}})) == []
    # not booted since `up` has loaded the rules
    waits = "fjordkube-firewall.service loaded inactive dead 0 0"
    assert wrong(seen({"w1": {"unit": [*units, waits]}})) == []
    assert wrong(seen({"w1": {"unit": [*units, dead]}})) == [
        ("services", "w1", "now", "fjordkube-firewall is failed (x)")
    ]


def test_ingress_nginx_is_told_only_where_it_runs() -> None:
    (row,) = wrong(seen({"cp1": {"api_pods__ingress-nginx": table("pods", POD)}}))
    assert row[0] == "ingress-nginx"
    assert row[2] == "note"
    assert "archived in March 2026" in row[3]


def test_ends_are_told_long_before_and_judged_at_their_day() -> None:
    end = ends.end("kubernetes", "1.37")
    assert end is not None
    assert ends.end("kubernetes", "1.2") is None
    for days, state in ((181, "ok"), (179, "note"), (29, "soon"), (-1, "soon")):
        late = calendar.timegm(end.end.timetuple()) - days * 86400
        judged = judge(Seen({name: facts(name) for name in NAMES}, {}, float(late)))
        assert {row.state for row in judged if row.thing == "Kubernetes"} == {state}, days


def test_rows_that_say_the_same_are_one_and_what_differs_stays_apart() -> None:
    rows = [Row("disk", f"w{n}", "ok", f"{90 - n} % free", rank=90 - n) for n in range(9)]
    rows += [Row("services", f"w{n}", "ok", "active") for n in range(9)]
    rows += [Row("services", "w3", "now", "dead", "mend"), Row("services", "w4", "now", "gone", "mend")]
    names = [f"w{n}" for n in range(9)]
    found = merged(rows, names)
    assert [(row.node, row.figure) for row in found] == [
        ("all", "82 % free at worst (w8)"),
        ("all", "active"),
        ("w3", "dead"),
        ("w4", "gone"),
    ]
    assert merged(rows[9:18], [*names, "w9"])[0].node == "w0, w1, w2, w3 and 5 more"


def test_figures_hold_each_certificate_and_disk() -> None:
    assert figures(seen())["cp1"] == {
        "certificate_days": {"/etc/kubernetes/pki/apiserver.crt": 350},
        "disk_free_percent": {"/": 63.0},
    }


def test_a_certificate_of_today_has_no_whole_day_left() -> None:
    assert certificates.days(facts("w1", certificate=ending("/a", 0.9)), NOW) == {"/a": 0}
    assert certificates.days(facts("w1", certificate=ending("/a", -0.1)), NOW) == {"/a": -1}
