"""How fast the machines under a cluster are, as parameters: timeouts, probe periods, leases, garbage collection.

Owns the two sets of figures. Leaves to the callers what is installed and what is proved: that never depends on the
timing. NATIVE is for hardware and KVM, EMULATED for guests whose every instruction is translated (QEMU without KVM),
where a TLS handshake takes tenths of a second and a starved probe starts a spiral of restarts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

TimingName = Literal["native", "emulated"]


@dataclass(frozen=True)
class Timeouts:
    """`timeouts` of kubeadm v1beta4, all in seconds. The defaults are kubeadm's own."""

    control_plane_component_health_check: int = 240
    """Until a static pod of the control plane is healthy."""
    kubelet_health_check: int = 240
    """Until the kubelet's healthz answers."""
    kubernetes_api_call: int = 60
    """One API call, retries included."""
    etcd_api_call: int = 120
    """One etcd call, retries included."""
    tls_bootstrap: int = 300
    """Until a joining kubelet holds its certificate."""
    discovery: int = 300
    """Until a joining node has reached and checked the API."""


@dataclass(frozen=True)
class StaticPodProbe:
    """One probe of a static pod, in seconds; for kubeadm's `patches`."""

    timeout: int
    period: int
    failures: int


@dataclass(frozen=True)
class StaticPodProbes:
    """Probes laid over the ones kubeadm writes for the control plane's static pods."""

    liveness: StaticPodProbe
    startup: StaticPodProbe
    readiness: StaticPodProbe
    """Of kube-apiserver alone: kubeadm gives the others no readiness probe."""


@dataclass(frozen=True)
class KubeletTiming:
    """Periods of the kubelet, in seconds; None leaves the kubelet's default."""

    runtime_request_timeout: int | None = None
    """One call to containerd (default 120)."""
    node_lease_duration: int | None = None
    """Lifetime of the node's lease, renewed at a quarter of it (default 40)."""
    node_status_update: int | None = None
    """Between two looks at the node's own status (default 10)."""
    sync: int | None = None
    """Between two looks at running containers against their configuration (default 60)."""
    volume_statistics: int | None = None
    """Between two measurements of what pods' volumes hold (default 60)."""
    log_monitor: int | None = None
    """Between two looks at the size of container logs (default 10)."""
    events_per_second: int | None = None
    """Most events told to the API (default 50): writing them was a quarter of an emulated API server's requests."""
    housekeeping: int | None = None
    """Between two readings of a container's cgroup files (default 10; a fifth of an emulated kubelet's time)."""
    garbage_collection_percent: int | None = None
    """GOGC of the kubelet's process (default 100): collecting less often costs memory and saves processor."""


@dataclass(frozen=True)
class ApiProxyTiming:
    """How a node's proxy asks several control planes for /readyz, in seconds. Two answers in a row that fail, or do not
    come, count; one that is good brings it back.

    A machine that is silent is out after `every` + `doubted` and twice 2 s (timeout connect) at most, in 8 s natively,
    while new connections go elsewhere after 2 s. HAProxy's own `inter` is 2 s, of which each is a TLS handshake.
    """

    every: int = 3
    """Between two questions."""
    doubted: int = 1
    """The same after a question or a client's connection has failed."""
    down: int = 2
    """The same while it is out."""
    answer: int = 5
    """Until the answer is there."""


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Timing:
    """One consistent set of figures."""

    name: TimingName
    timeouts: Timeouts = field(default_factory=Timeouts)
    probes: StaticPodProbes | None = None
    """None: kubeadm's own probes."""
    etcd_heartbeat_ms: int = 250
    """Between etcd's heartbeats, milliseconds. 250 is kubespray's choice for VPS networks (etcd's default: 100)."""
    etcd_election_ms: int = 5000
    """Without a heartbeat for this long a member calls an election, milliseconds (kubespray; etcd's default: 1000)."""
    etcd_arguments: Mapping[str, str] = field(default_factory=_nothing)
    """Arguments of etcd besides these two, by name."""
    etcd_cpu_m: int | None = None
    """CPU that etcd's pod requests, millicores: its share where all want more (None: kubeadm's 100)."""
    api_server_arguments: Mapping[str, str] = field(default_factory=_nothing)
    """Arguments of the API server, by name."""
    control_plane_environment: Mapping[str, str] = field(default_factory=_nothing)
    """Environment of etcd, API server, controller manager and scheduler."""
    controllers_environment: Mapping[str, str] = field(default_factory=_nothing)
    """The same of controller manager and scheduler alone."""
    single_leader_election: bool = True
    """Whether a lone control plane takes leader leases. With more than one it always does."""
    node_monitor_grace: int | None = None
    """Seconds without a lease until a node counts as lost (controller manager's default: 50)."""
    kubelet: KubeletTiming = field(default_factory=KubeletTiming)
    eviction_hard: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType(
            {
                "memory.available": "100Mi",
                "nodefs.available": "10%",
                "nodefs.inodesFree": "5%",
                "imagefs.available": "15%",
            }
        )
    )
    """The kubelet's hard eviction thresholds (the first set: the kubelet's defaults)."""
    image_gc_high_percent: int = 85
    """Disk use that starts the removal of unused images; 100 switches it off (the kubelet's default: 85)."""
    reserved_cpu_limit_m: int | None = None
    """Most CPU that kube and system reservations may each take, millicores; None: as the settings say."""
    api_wait: int = 300
    """Seconds from the kubelet's start to an API that answers /readyz."""
    drain: int = 120
    """Seconds a node that leaves may take to hand its pods over; after that it leaves anyway."""
    api_proxy: ApiProxyTiming = field(default_factory=ApiProxyTiming)
    """Of each node's proxy of the API."""
    gate_wait: int = 300
    """Seconds a gate waits for its promise, unless gates.timeout_seconds says otherwise."""


NATIVE = Timing(name="native")

_LONG = StaticPodProbe(timeout=60, period=60, failures=20)

EMULATED = Timing(
    name="emulated",
    timeouts=Timeouts(
        control_plane_component_health_check=1800,
        kubelet_health_check=900,
        kubernetes_api_call=900,
        etcd_api_call=900,
        tls_bootstrap=900,
        discovery=900,
    ),
    # A liveness probe that kills a slow API server makes every client retry: the cluster then never converges.
    probes=StaticPodProbes(
        liveness=_LONG,
        startup=StaticPodProbe(timeout=60, period=10, failures=120),
        readiness=StaticPodProbe(timeout=60, period=5, failures=60),
    ),
    etcd_heartbeat_ms=1000,
    etcd_election_ms=10000,
    etcd_arguments=MappingProxyType(
        {
            # kubeadm tells each of some 120 watches every 5 s that nothing happened: half of an idle etcd's time
            # here. The API server asks by itself where it has to know. 10m is etcd's own default.
            "watch-progress-notify-interval": "10m",
            # each request is slower than 100 ms: three lines of log for every one (7,000 in 12 minutes)
            "warning-apply-duration": "10s",
            "warning-unary-request-duration": "10s",
            "log-level": "warn",
        }
    ),
    # With kubeadm's 100m it had a seventh of what pods got: reads took 3 s, and all that waits 2 s for the API gave up.
    etcd_cpu_m=600,
    api_server_arguments=MappingProxyType(
        {
            # default 2 s each: the API was "not ready" while it served
            "etcd-healthcheck-timeout": "60s",
            "etcd-readycheck-timeout": "60s",
            # One read of etcd for each of some 120 kinds a minute, for a metric that nobody reads here; the same for
            # an estimate of what lists cost; and every 5 min each kind read from etcd and from memory, to compare.
            # While that went on, requests took longer than the 20 s that a kubelet waits. Gates of 1.34 and later.
            "etcd-count-metric-poll-period": "0",
            "feature-gates": "DetectCacheInconsistency=false,SizeBasedListCostEstimate=false",
        }
    ),
    control_plane_environment=MappingProxyType({"GOGC": "400"}),
    # They wake up hundreds of times a second for nothing, and each time threads hand the nothing on: with one, an idle
    # controller manager took 8 % of a processor instead of 19 %.
    controllers_environment=MappingProxyType({"GOMAXPROCS": "1"}),
    # Not longer leases: a controller manager that dies holding one stalls the cluster for its whole length.
    single_leader_election=False,
    node_monitor_grace=180,
    kubelet=KubeletTiming(
        runtime_request_timeout=900,
        node_lease_duration=160,
        node_status_update=20,
        sync=60,
        volume_statistics=600,
        log_monitor=60,
        events_per_second=1,
        housekeeping=60,
        garbage_collection_percent=400,
    ),
    # Guests are small and thrown away; their disks are sparse, so a low free share is no sign of trouble.
    eviction_hard=MappingProxyType(
        {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        }
    ),
    # Images are in the disk from the start and could not be pulled again.
    image_gc_high_percent=100,
    # An emulated worker has one CPU: 600m reserved of it would leave no room for calico-node and the ingress.
    reserved_cpu_limit_m=50,
    api_wait=900,
    drain=90,
    # A handshake takes tenths of a second at both ends, and each node asks each control plane; silence: out in 17 s.
    api_proxy=ApiProxyTiming(every=10, doubted=3, down=5, answer=10),
    gate_wait=1200,
)
"""Measured on two cores without KVM, three emulated guests; what each figure brought stands beside it."""


def timing(wanted: Literal["auto", "native", "emulated"], emulated: bool) -> Timing:
    """The set that is wanted; auto: by whether the machines are emulated, which was measured."""
    if wanted == "auto":
        return EMULATED if emulated else NATIVE
    return EMULATED if wanted == "emulated" else NATIVE
