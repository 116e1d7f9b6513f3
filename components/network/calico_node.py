"""calico-node: the pod on every node that routes (BIRD), enforces policy (Felix) and installs the CNI file.

Owns the DaemonSet. Leaves its values to `calico_configuration.py` and its rights to `calico_access.py`. It differs from
Calico's release manifest in what a new cluster on prepared nodes does not need, but for one line at every timing:
- no upgrade-ipam container: it moves addresses from host-local IPAM, which never ran here;
- no mount-bpffs container: eBPF mode is off, and systemd mounts /sys/fs/bpf anyway;
- install-cni copies programs only where that is asked for: else they are on the node, in the version that fits;
- the CNI file gets its name, and the node becomes ready, only when calico-node knows its node and has written the CNI
  program's kubeconfig. Before that every pod that waits would be tried and undone in turn, and that work alone kept
  slow control planes from ever getting there. install-cni writes https://[192.0.2.1]:6443 for the API (install.go), and
  Go 1.26 takes no IPv4 address in brackets: no pod gets an address until calico-node has written its own, without;
- a start that failed is tried again inside the container. calico-node gives the API 2 s for each of its first three
  questions (startup.go) and ends when one takes longer; the kubelet would then pause for 10 s, 20 s, and up to 5 min;
- programs that have nothing to do here are not started (`start`): more of them, that line, where nodes are emulated;
- probes ask Felix's health port instead of forking an 86 MB program every 10 s (20 s each on a starved node). BIRD has
  no such port: runit restarts it when it ends, and the BGP gate asks every node for its sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fjordkube.network.calico_access import NAMESPACE, NODE
from fjordkube.network.calico_configuration import API_ENDPOINT, CONFIG
from fjordkube.objects import Object, http_probes
from fjordkube.timing import TimingName

HEALTH_PORT = 9099
"""Felix's health port, on the node's loopback."""

API_ENVIRONMENT = {"configMapRef": {"name": API_ENDPOINT}}

PENDING = "10-calico.pending"
"""What install-cni writes; containerd reads no file of such a name."""

START = f"""\
cd /host/etc/cni/net.d
usable() {{
  [ -s /var/lib/calico/nodename ] || return 1
  while read -r line; do
    case $line in *//\\[*.*) return 1 ;; esac
  done <calico-kubeconfig
}}
(
  until usable; do sleep 1; done
  if [ -e {PENDING} ]; then ln -f {PENDING} 10-calico.conflist && rm -f {PENDING}; fi
) &
pause=2
until start_runit; do
  sleep $pause
  [ $pause -ge 16 ] || pause=$((pause * 2))
done
"""
"""The container's own start, repeated until it succeeds; bounded by the startup probe. Runs under any sh. Each try
loads a program of 86 MB and asks the API: where that is why the API is late, tries in a row would keep it late.

The file is named by ln and rm, for Calico's own image has no mv (node/clean-up-filesystem.sh, v3.28 to v3.32);
containerd looks when the old name goes (internal/cri/server/cni_conf_syncer.go)."""


def idle_services(encapsulated: bool, timing: TimingName) -> list[str]:
    """Services of the image that would find nothing to do; each is a start of 86 MB, again where it ends.

    BIRD for IPv6, which is off, and ends each second for want of a file. On emulated nodes also the keeper of tunnels'
    addresses, where there are no tunnels, and the writer of CalicoNodeStatus, which nothing here asks for.
    """
    idle = ["bird6"]
    if timing == "emulated" and not encapsulated:
        idle.append("allocate-tunnel-addrs")
    if timing == "emulated":
        idle.append("node-status-reporter")
    return idle


def start(encapsulated: bool, timing: TimingName) -> str:
    """START, after runit was told by its own word for it, a file `down`, which services are not started.

    Without encapsulation the start does not wait for tunnels' addresses to be given back either. That changes the Node
    even where there are none, meets the kubelet's writes, and begins again: up to 4 min (seen). A service does it too.
    """
    lines = [
        f"for service in {' '.join(idle_services(encapsulated, timing))}; do",
        "  [ ! -d /etc/service/available/$service ] || : >/etc/service/available/$service/down",
        "done",
    ]
    if not encapsulated:
        lines.append("sed -i /allocate-tunnel-addrs-run-once/d /etc/rc.local")
    return "\n".join([*lines, START])


def address_annotations(address: str, prefix_length: int) -> dict[str, str]:
    """What calico-node would write on its Node, e.g. 192.168.77.11/24, for whoever registers the node.

    Found there, it writes nothing. Otherwise its one update at start meets the kubelet's and the controllers' writes of
    these seconds; on a conflict it ends, and the pod is started again after a pause (seen on 2 of 3 emulated nodes).
    """
    return {"projectcalico.org/IPv4Address": f"{address}/{prefix_length}"}


def _value(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def _node_name(name: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}


def _config(name: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"configMapKeyRef": {"name": CONFIG, "key": key}}}


def _mount(name: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    return {"name": name, "mountPath": path, **({"readOnly": True} if read_only else {})}


def _host_path(name: str, path: str, kind: str | None = None) -> dict[str, Any]:
    return {"name": name, "hostPath": {"path": path, **({"type": kind} if kind else {})}}


def install_cni(image: str, programs: bool) -> dict[str, Any]:
    """The init container that writes the CNI configuration and the kubeconfig that the CNI program uses.

    `programs`: whether it also brings the image's CNI programs to /opt/cni/bin, newer ones in place of older ones.
    """
    skipped = "install" if programs else "calico,calico-ipam,install"
    return {
        "name": "install-cni",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/opt/cni/bin/install"],
        "envFrom": [API_ENVIRONMENT],
        "env": [
            _value("CNI_CONF_NAME", PENDING),
            # else a pod that is made anew takes the file away under which its node is ready
            _value("CNI_OLD_CONF_NAME", PENDING),
            _config("CNI_NETWORK_CONFIG", "cni_network_config"),
            _config("CNI_MTU", "veth_mtu"),
            _node_name("KUBERNETES_NODE_NAME"),
            _value("SLEEP", "false"),
            _value("SKIP_CNI_BINARIES", skipped),
            _value("UPDATE_CNI_BINARIES", str(programs).lower()),
        ],
        "securityContext": {"privileged": True},
        "volumeMounts": [_mount("cni-bin-dir", "/host/opt/cni/bin"), _mount("cni-net-dir", "/host/etc/cni/net.d")],
    }


def node_container(image: str, private_cidr: str, timing: TimingName, encapsulated: bool) -> dict[str, Any]:
    """BIRD, confd and Felix. Only what they must know before they reach the API is environment."""
    return {
        "name": NODE,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", start(encapsulated, timing)],
        "envFrom": [API_ENVIRONMENT],
        "env": [
            _value("DATASTORE_TYPE", "kubernetes"),
            _value("WAIT_FOR_DATASTORE", "true"),
            _node_name("NODENAME"),
            _config("CALICO_NETWORKING_BACKEND", "calico_backend"),
            _value("CLUSTER_TYPE", "k8s,bgp"),
            _value("IP", "autodetect"),
            # By subnet: the first address found may be the public NIC's (and a /32 there: calico#2375).
            _value("IP_AUTODETECTION_METHOD", f"cidr={private_cidr}"),
            _value("NO_DEFAULT_POOLS", "true"),
            _value("CALICO_DISABLE_FILE_LOGGING", "true"),
        ],
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/calico-node", "-shutdown"]}}},
        **http_probes(timing, HEALTH_PORT, ready="/readiness", live="/liveness", host="localhost"),
        "resources": {"requests": {"cpu": "250m"}},
        "securityContext": {"privileged": True},
        "volumeMounts": [
            _mount("lib-modules", "/lib/modules", read_only=True),
            _mount("xtables-lock", "/run/xtables.lock"),
            _mount("var-run-calico", "/var/run/calico"),
            _mount("var-lib-calico", "/var/lib/calico"),
            _mount("cni-net-dir", "/host/etc/cni/net.d"),
            _mount("cni-log-dir", "/var/log/calico/cni", read_only=True),
            _mount("bpffs", "/sys/fs/bpf"),
        ],
    }


def daemon_set(
    images: Mapping[str, str],
    private_cidr: str,
    timing: TimingName,
    config_digest: str,
    encapsulated: bool,
    programs: bool,
) -> Object:
    """calico-node on every node, tainted ones too. `config_digest` restarts it when its ConfigMaps change."""
    labels = {"k8s-app": NODE}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NODE, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {
                "metadata": {"labels": labels, "annotations": {"fjordkube.io/config": config_digest}},
                "spec": {
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    "hostNetwork": True,
                    "priorityClassName": "system-node-critical",
                    "serviceAccountName": NODE,
                    "terminationGracePeriodSeconds": 0,
                    # It comes before any other pod can: a node is not ready, and tainted for it, until it runs.
                    "tolerations": [
                        {"effect": "NoSchedule", "operator": "Exists"},
                        {"effect": "NoExecute", "operator": "Exists"},
                        {"key": "CriticalAddonsOnly", "operator": "Exists"},
                    ],
                    "initContainers": [install_cni(images["calico-cni"], programs)],
                    "containers": [node_container(images["calico-node"], private_cidr, timing, encapsulated)],
                    "volumes": [
                        _host_path("lib-modules", "/lib/modules"),
                        _host_path("xtables-lock", "/run/xtables.lock", "FileOrCreate"),
                        _host_path("var-run-calico", "/var/run/calico", "DirectoryOrCreate"),
                        _host_path("var-lib-calico", "/var/lib/calico", "DirectoryOrCreate"),
                        _host_path("cni-bin-dir", "/opt/cni/bin", "DirectoryOrCreate"),
                        _host_path("cni-net-dir", "/etc/cni/net.d", "DirectoryOrCreate"),
                        _host_path("cni-log-dir", "/var/log/calico/cni", "DirectoryOrCreate"),
                        _host_path("bpffs", "/sys/fs/bpf", "Directory"),
                    ],
                },
            },
        },
    }
