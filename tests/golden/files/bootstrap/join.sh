set -euo pipefail
# ... lib.sh
DISCOVERY_FILE=/run/fjordkube/discovery.conf
JOIN_FILE=/etc/fjordkube/kubeadm/join.yaml
KUBELET_DIGEST=2d32dd225dc609013461c2b735aa1b1e8879b375b4e01e520b7c5c6ea295a584
LOCK_WAIT=900
NODE_NAME=w1
write_file /etc/fjordkube/kubeadm/join.yaml 0644 <<'EOF_d1169bf1'
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  file:
    kubeConfigPath: /run/fjordkube/discovery.conf
nodeRegistration:
  name: w1
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  kubeletExtraArgs:
  - name: node-ip
    value: 192.168.77.101
  - name: housekeeping-interval
    value: 60s
timeouts:
  controlPlaneComponentHealthCheck: 1800s
  kubeletHealthCheck: 900s
  kubernetesAPICall: 900s
  etcdAPICall: 900s
  tlsBootstrap: 900s
  discovery: 900s
EOF_d1169bf1
# ... reset.sh
# ... join.sh
