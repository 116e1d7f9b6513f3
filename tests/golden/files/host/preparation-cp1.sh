set -euo pipefail
# ... lib.sh
API_PROXY_CONFIG='# Written by fjordkube: this node'"'"'s way to the Kubernetes API (docs/architecture.md), for fjordkube-api-proxy.service.
global
    maxconn 4096
    nbthread 1
    # After a reload the old process keeps its connections, for so long at most: it asks nobody how they are any more.
    hard-stop-after 1h

defaults
    mode tcp
    # a round trip in Norway takes 20 ms; a lost SYN is sent again after 1 s
    timeout connect 2s
    # the kubelet ends idle streams (exec, logs, port-forward) after 4 h, HTTP/2 clients ping every 30 s
    timeout client 4h
    timeout server 4h
    timeout client-fin 30s
    timeout server-fin 30s
    retries 3
    option redispatch 1

frontend node
    bind 127.0.0.1:6444
    default_backend everyone

backend everyone
    balance random
    default-server tcp-ut 30s
    server cp1 192.168.77.11:6443
'
API_PROXY_PATH=/etc/fjordkube/api-proxy.cfg
API_PROXY_WANT=/etc/systemd/system/multi-user.target.wants/fjordkube-api-proxy.service
CONTAINERD_FILES='/etc/containerd/config.toml /etc/systemd/system/containerd.service.d/20-fjordkube.conf'
CONTAINERD_MINIMUM=2.0
ETCD_DEVICE=LABEL=etcd
ETCD_MOUNT=/var/lib/etcd
FIREWALL_ADMINS=10.0.2.0/24
FIREWALL_EXISTING=refuse
FIREWALL_MARK=rules_1aa55112a78c
FIREWALL_PATH=/etc/fjordkube/firewall.nft
FIREWALL_RULES='#!/usr/sbin/nft -f
# Written by fjordkube: who may reach this control-plane, and why (docs/firewall.md); eth1 is its private NIC.
# Loaded at boot by fjordkube-firewall.service and replaced as a whole, at once. To look: nft list table inet fjordkube
table inet fjordkube
delete table inet fjordkube
table inet fjordkube {
	chain rules_1aa55112a78c {
		# Empty: by its name, a digest of these rules, `up` sees whether they are the ones that are loaded.
	}

	set of_control_planes {
		type ipv4_addr; flags interval
		elements = { 192.168.77.11/32 }
	}

	set of_nodes {
		type ipv4_addr; flags interval
		elements = { 192.168.77.0/24 }
	}

	set of_pods {
		type ipv4_addr; flags interval
		elements = { 10.244.0.0/16 }
	}

	set of_admins {
		type ipv4_addr; flags interval
		elements = { 10.0.2.0/24 }
	}

	chain from_control_planes {
		tcp dport 2379-2380 accept comment "etcd: its members and the API servers, nobody else"
	}

	chain from_nodes {
		tcp dport 6443 accept comment "Kubernetes API: kubelets, controllers in pods, kubectl and up"
		tcp dport 10250 accept comment "kubelet: API servers for logs and exec, metrics-server from a pod"
		tcp dport 179 accept comment "BGP: Calico tells nodes each other'"'"'s pods; never from outside"
		tcp dport 30000-32767 accept comment "NodePorts: who asks for them; inside, Kubernetes promises them"
		udp dport 30000-32767 accept comment "the same for Services over UDP"
	}

	chain from_pods {
		tcp dport 6443 accept comment "Kubernetes API: kubelets, controllers in pods, kubectl and up"
		tcp dport 10250 accept comment "kubelet: API servers for logs and exec, metrics-server from a pod"
		tcp dport 30000-32767 accept comment "NodePorts: who asks for them; inside, Kubernetes promises them"
		udp dport 30000-32767 accept comment "the same for Services over UDP"
	}

	chain from_admins {
		tcp dport 6443 accept comment "Kubernetes API: kubelets, controllers in pods, kubectl and up"
		tcp dport 22 accept comment "SSH: people and up; no node ever enters another"
	}

	chain from_anyone {
		icmp type { destination-unreachable, time-exceeded, parameter-problem, echo-request } accept comment "errors such as fragmentation needed (full MTU), and ping"
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept comment "errors such as fragmentation needed (full MTU), and ping"
		meta nfproto ipv4 udp sport 67 udp dport 68 accept comment "answers of the DHCP server that leases the node'"'"'s address"
		ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept comment "answers of the DHCP server that leases the node'"'"'s address"
	}

	chain to_services {
		iifname "cali*" accept comment "pods ask Services; with IPVS the node holds their addresses, and nobody outside may use them"
		counter drop comment "no Service is reached from outside by its own address"
	}

	chain to_node {
		iifname "eth1" ip saddr @of_control_planes jump from_control_planes
		iifname "eth1" ip saddr @of_nodes jump from_nodes
		iifname "cali*" jump from_pods
		iifname "eth1" ip saddr @of_pods jump from_pods
		ip saddr @of_admins jump from_admins
		jump from_anyone
		counter drop
	}

	chain before_translation {
		type filter hook prerouting priority -110; policy accept;
		ct state established,related accept
		iif "lo" accept
		ip daddr 10.96.0.0/12 jump to_services
		fib daddr type local jump to_node
	}

	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif "lo" accept
		ct status dnat accept comment "judged before it was translated"
		ip daddr 10.96.0.0/12 jump to_services
		jump to_node
	}
}
'
FIREWALL_SSH_PORTS=22
FIREWALL_TABLE=fjordkube
FIREWALL_UNIT='[Unit]
Description=Firewall of this Kubernetes node
DefaultDependencies=no
Wants=network-pre.target
After=nftables.service
Before=network-pre.target sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/fjordkube/firewall.nft

[Install]
WantedBy=sysinit.target
'
FIREWALL_UNIT_PATH=/etc/systemd/system/fjordkube-firewall.service
FIREWALL_WANT=/etc/systemd/system/sysinit.target.wants/fjordkube-firewall.service
HOSTS_BLOCK='192.168.77.11 cp1
127.0.0.1 api.fjord.internal
'
KUBERNETES_VERSION=v1.37.1
MODULES='overlay br_netfilter nf_conntrack ip_set ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh'
NODE_ADDRESS=192.168.77.11
NODE_INTERFACE=eth1
NODE_NAME=cp1
SYSCTL_PATH=/etc/sysctl.d/90-fjordkube.conf
SYSCTL_RULES='exact net.ipv4.ip_forward 1
exact net.bridge.bridge-nf-call-iptables 1
exact net.bridge.bridge-nf-call-ip6tables 1
raise net.core.somaxconn 32768
widen net.ipv4.ip_local_port_range 1024 65000
exact net.ipv4.ip_local_reserved_ports 2379-2381,5473,6443-6444,8181,8443,9091,9099,9253,10245-10260,30000-32767
raise fs.inotify.max_user_instances 8192
raise fs.inotify.max_user_watches 524288
raise fs.file-max 1048576
exact vm.overcommit_memory 1
exact vm.panic_on_oom 0
exact kernel.panic 10
exact kernel.panic_on_oops 1
exact kernel.keys.root_maxkeys 1000000
exact kernel.keys.root_maxbytes 25000000
cores net.netfilter.nf_conntrack_max 131072 32768
cores net.netfilter.nf_conntrack_buckets 32768 8192
'
write_file /etc/containerd/config.toml 0644 <<'EOF_1bc2c495'
# Written by fjordkube.
version = 3
disabled_plugins = [
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.erofs',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.internal.v1.tracing',
  'io.containerd.nri.v1.nri',
]

[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'

  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = '/etc/containerd/certs.d'

  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = 'fjordkube.local/kubernetes/pause:3.10.2'

[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = 'runc'

  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'

    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/opt/cni/bin']
  conf_dir = '/etc/cni/net.d'
EOF_1bc2c495
write_file /etc/crictl.yaml 0644 <<'EOF_d3adfc52'
# Written by fjordkube.
runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
timeout: 300
EOF_d3adfc52
write_file /etc/modules-load.d/fjordkube.conf 0644 <<'EOF_a8632e41'
# Written by fjordkube: loaded at boot, before kube-proxy looks for them.
overlay
br_netfilter
nf_conntrack
ip_set
ip_vs
ip_vs_rr
ip_vs_wrr
ip_vs_sh
EOF_a8632e41
write_file /etc/systemd/system/containerd.service.d/20-fjordkube.conf 0644 <<'EOF_e81b1130'
[Service]
LimitNOFILE=1048576
TasksMax=infinity
EOF_e81b1130
write_file /etc/systemd/system/fjordkube-api-proxy.service 0644 <<'EOF_d4781040'
[Unit]
Description=This node's proxy of the Kubernetes API
ConditionPathExists=/etc/fjordkube/api-proxy.cfg
After=network.target
Before=kubelet.service
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=/usr/sbin/haproxy -Ws -f /etc/fjordkube/api-proxy.cfg
ExecReload=/bin/kill -USR2 $MAINPID
KillMode=mixed
SuccessExitStatus=143
Restart=always
RestartSec=1
LimitNOFILE=16384
CPUWeight=1000
OOMScoreAdjust=-999
ConfigurationDirectory=fjordkube
DynamicUser=yes
CapabilityBoundingSet=
RestrictAddressFamilies=AF_INET AF_UNIX
PrivateDevices=yes
ProtectHome=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes

[Install]
WantedBy=multi-user.target
EOF_d4781040
write_file /etc/systemd/system/kubelet.service.d/20-fjordkube.conf 0644 <<'EOF_4fe0d2fd'
[Unit]
RequiresMountsFor=/var/lib/etcd

[Service]
LimitNOFILE=1048576
ExecStartPre=-/bin/chmod --silent 600 /var/lib/kubelet/config.yaml /etc/systemd/system/kubelet.service /etc/systemd/system/kubelet.service.d/10-kubeadm.conf /usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf
EOF_4fe0d2fd
# ... host.sh
