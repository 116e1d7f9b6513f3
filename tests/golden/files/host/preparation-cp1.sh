set -euo pipefail
# ... lib.sh
CONTAINERD_FILES='/etc/containerd/config.toml /etc/systemd/system/containerd.service.d/20-fjordkube.conf'
CONTAINERD_MINIMUM=2.0
ETCD_DEVICE=LABEL=etcd
ETCD_MOUNT=/var/lib/etcd
HOSTS_BLOCK='192.168.77.11 cp1
192.168.77.11 api.fjord.internal
'
KUBERNETES_VERSION=v1.36.3
MODULES='overlay br_netfilter nf_conntrack ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh ip_set'
NODE_ADDRESS=192.168.77.11
NODE_INTERFACE=eth1
NODE_NAME=cp1
SYSCTL_PATH=/etc/sysctl.d/90-fjordkube.conf
SYSCTL_RULES='exact net.ipv4.ip_forward 1
exact net.bridge.bridge-nf-call-iptables 1
exact net.bridge.bridge-nf-call-ip6tables 1
raise net.core.somaxconn 32768
widen net.ipv4.ip_local_port_range 1024 65000
exact net.ipv4.ip_local_reserved_ports 2379-2381,5473,6443,8181,8443,9091,9099,9253,10245-10260,30000-32767
raise fs.inotify.max_user_instances 8192
raise fs.inotify.max_user_watches 524288
raise fs.file-max 1048576
exact vm.overcommit_memory 1
exact vm.panic_on_oom 0
exact kernel.panic 10
exact kernel.panic_on_oops 1
'
write_file /etc/containerd/config.toml 0644 <<'EOF_dcfc715e'
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
EOF_dcfc715e
write_file /etc/crictl.yaml 0644 <<'EOF_6328be7f'
runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
timeout: 300
EOF_6328be7f
write_file /etc/modules-load.d/fjordkube.conf 0644 <<'EOF_c8faf607'
# Written by fjordkube: loaded at boot, before kube-proxy looks for them.
overlay
br_netfilter
nf_conntrack
ip_vs
ip_vs_rr
ip_vs_wrr
ip_vs_sh
ip_set
EOF_c8faf607
write_file /etc/systemd/system/containerd.service.d/20-fjordkube.conf 0644 <<'EOF_e81b1130'
[Service]
LimitNOFILE=1048576
TasksMax=infinity
EOF_e81b1130
write_file /etc/systemd/system/kubelet.service.d/20-fjordkube.conf 0644 <<'EOF_c81903e4'
[Unit]
RequiresMountsFor=/var/lib/etcd

[Service]
LimitNOFILE=1048576
EOF_c81903e4
# ... host.sh
