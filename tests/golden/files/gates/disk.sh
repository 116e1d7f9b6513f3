set -euo pipefail
# ... lib.sh
CACHE=/var/lib/fjordkube/disk.json
DD_MIB=1024
ETCD_DATA=/var/lib/etcd/data
ETCD_MOUNT=/var/lib/etcd
LIMIT_SECONDS=120
MEASUREMENT=1
NODE_NAME=cp1
# ... gate-disk.sh
