set -euo pipefail
# ... lib.sh
DISCOVERY_FILE=/run/fjordkube/discovery.conf
JOIN_FILE=/etc/fjordkube/kubeadm/join.yaml
KUBELET_DIGEST=1bc5105028bcfe5e42549427d9563af4a7b77031393168f190cf50c70f06897f
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
