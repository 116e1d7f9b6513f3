set -euo pipefail
# ... lib.sh
API_PORT=6443
API_WAIT=900
DISCOVERY_FILE=/run/fjordkube/discovery.conf
ETCD_DATA=/var/lib/etcd/data
ETCD_DEVICE=LABEL=etcd
INIT_FILE=/etc/fjordkube/kubeadm/init.yaml
JOIN_FILE=/etc/fjordkube/kubeadm/join.yaml
NODE_NAME=cp1
SECRETS_ENCRYPTION_FILE=/etc/kubernetes/pki/secrets-encryption.yaml
SECRETS_KEY=0
write_file /etc/fjordkube/kubeadm/init.yaml 0644 <<'EOF_cfea4c16'
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- ttl: 1s
  description: 'ends at once: tokens are minted when a node joins'
localAPIEndpoint:
  advertiseAddress: 192.168.77.11
  bindPort: 6443
nodeRegistration:
  name: cp1
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  kubeletExtraArgs:
  - name: node-ip
    value: 192.168.77.11
  - name: housekeeping-interval
    value: 60s
patches:
  directory: /etc/fjordkube/kubeadm/patches
timeouts:
  controlPlaneComponentHealthCheck: 1800s
  kubeletHealthCheck: 900s
  kubernetesAPICall: 900s
  etcdAPICall: 900s
  tlsBootstrap: 900s
  discovery: 900s
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: fjord
kubernetesVersion: v1.37.1
controlPlaneEndpoint: api.fjord.internal:6444
imageRepository: fjordkube.local/kubernetes
encryptionAlgorithm: ECDSA-P256
networking:
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.96.0.0/12
etcd:
  local:
    dataDir: /var/lib/etcd/data
    extraArgs:
    - name: heartbeat-interval
      value: '1000'
    - name: election-timeout
      value: '10000'
    - name: quota-backend-bytes
      value: '2147483648'
    - name: tls-min-version
      value: TLS1.2
    - name: cipher-suites
      value: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    - name: watch-progress-notify-interval
      value: 10m
    - name: warning-apply-duration
      value: 10s
    - name: warning-unary-request-duration
      value: 10s
    - name: log-level
      value: warn
    extraEnvs:
    - name: GOGC
      value: '400'
apiServer:
  certSANs:
  - localhost
  - 127.0.0.1
  - api.fjord.internal
  - cp1
  - 192.168.77.11
  extraArgs:
  - name: profiling
    value: 'false'
  - name: tls-min-version
    value: VersionTLS12
  - name: tls-cipher-suites
    value: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305
  - name: encryption-provider-config
    value: /etc/kubernetes/pki/secrets-encryption.yaml
  - name: encryption-provider-config-automatic-reload
    value: 'true'
  - name: etcd-healthcheck-timeout
    value: 60s
  - name: etcd-readycheck-timeout
    value: 60s
  - name: etcd-count-metric-poll-period
    value: '0'
  - name: feature-gates
    value: DetectCacheInconsistency=false,SizeBasedListCostEstimate=false
  extraEnvs:
  - name: GOGC
    value: '400'
controllerManager:
  extraArgs:
  - name: profiling
    value: 'false'
  - name: tls-min-version
    value: VersionTLS12
  - name: tls-cipher-suites
    value: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305
  - name: leader-elect
    value: 'false'
  - name: node-monitor-grace-period
    value: 180s
  extraEnvs:
  - name: GOGC
    value: '400'
  - name: GOMAXPROCS
    value: '1'
scheduler:
  extraArgs:
  - name: profiling
    value: 'false'
  - name: tls-min-version
    value: VersionTLS12
  - name: tls-cipher-suites
    value: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305
  - name: leader-elect
    value: 'false'
  extraEnvs:
  - name: GOGC
    value: '400'
  - name: GOMAXPROCS
    value: '1'
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
failSwapOn: true
seccompDefault: true
kubeReserved:
  cpu: 50m
  memory: 256Mi
systemReserved:
  cpu: 50m
  memory: 512Mi
evictionHard:
  memory.available: 100Mi
  nodefs.available: 1%
  nodefs.inodesFree: 1%
  imagefs.available: 1%
imageGCHighThresholdPercent: 100
tlsMinVersion: VersionTLS12
tlsCipherSuites:
- TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
- TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
- TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
- TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
- TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305
- TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305
runtimeRequestTimeout: 900s
nodeStatusUpdateFrequency: 20s
syncFrequency: 60s
volumeStatsAggPeriod: 600s
containerLogMonitorInterval: 60s
eventRecordQPS: 1
eventBurst: 10
nodeLeaseDurationSeconds: 160
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
conntrack:
  maxPerCore: 0
  min: 0
  tcpEstablishedTimeout: 24h
  tcpCloseWaitTimeout: 1h
ipvs:
  scheduler: rr
  strictARP: false
EOF_cfea4c16
write_file /etc/fjordkube/kubeadm/join.yaml 0644 <<'EOF_80b7296c'
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  file:
    kubeConfigPath: /run/fjordkube/discovery.conf
nodeRegistration:
  name: cp1
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  kubeletExtraArgs:
  - name: node-ip
    value: 192.168.77.11
  - name: housekeeping-interval
    value: 60s
timeouts:
  controlPlaneComponentHealthCheck: 1800s
  kubeletHealthCheck: 900s
  kubernetesAPICall: 900s
  etcdAPICall: 900s
  tlsBootstrap: 900s
  discovery: 900s
controlPlane:
  localAPIEndpoint:
    advertiseAddress: 192.168.77.11
    bindPort: 6443
patches:
  directory: /etc/fjordkube/kubeadm/patches
EOF_80b7296c
write_file /etc/fjordkube/kubeadm/patches/corednsdeployment+strategic.yaml 0644 <<'EOF_3b70108d'
spec:
  template:
    spec:
      topologySpreadConstraints:
      - maxSkew: 1
        minDomains: 2
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: DoNotSchedule
        nodeTaintsPolicy: Honor
        labelSelector:
          matchLabels:
            k8s-app: kube-dns
        matchLabelKeys:
        - pod-template-hash
EOF_3b70108d
write_file /etc/fjordkube/kubeadm/patches/etcd+strategic.yaml 0644 <<'EOF_c50d19a1'
spec:
  containers:
  - name: etcd
    livenessProbe:
      timeoutSeconds: 60
      periodSeconds: 60
      failureThreshold: 20
    startupProbe:
      timeoutSeconds: 60
      periodSeconds: 10
      failureThreshold: 120
    resources:
      requests:
        cpu: 600m
EOF_c50d19a1
write_file /etc/fjordkube/kubeadm/patches/kube-apiserver+strategic.yaml 0644 <<'EOF_22d8ec24'
spec:
  containers:
  - name: kube-apiserver
    livenessProbe:
      timeoutSeconds: 60
      periodSeconds: 60
      failureThreshold: 20
    startupProbe:
      timeoutSeconds: 60
      periodSeconds: 10
      failureThreshold: 120
    readinessProbe:
      timeoutSeconds: 60
      periodSeconds: 5
      failureThreshold: 60
EOF_22d8ec24
write_file /etc/fjordkube/kubeadm/patches/kube-controller-manager+strategic.yaml 0644 <<'EOF_0b87034d'
spec:
  containers:
  - name: kube-controller-manager
    livenessProbe:
      timeoutSeconds: 60
      periodSeconds: 60
      failureThreshold: 20
    startupProbe:
      timeoutSeconds: 60
      periodSeconds: 10
      failureThreshold: 120
EOF_0b87034d
write_file /etc/fjordkube/kubeadm/patches/kube-scheduler+strategic.yaml 0644 <<'EOF_0dd6c2e0'
spec:
  containers:
  - name: kube-scheduler
    livenessProbe:
      timeoutSeconds: 60
      periodSeconds: 60
      failureThreshold: 20
    startupProbe:
      timeoutSeconds: 60
      periodSeconds: 10
      failureThreshold: 120
EOF_0dd6c2e0
# ... reset.sh
# ... control-plane.sh
# ... secrets-encryption.sh
# ... member.sh
