#!/bin/sh
# Imports OCI archives into the containerd store of a file tree, with the tree's own containerd, on this machine.
#
# Usage: import-images.sh TREE ARCHIVES PAUSE   (as root, inside mount and process namespaces of its own: see store.py)
# Inside a guest the same import unpacks a gigabyte on an emulated processor; here it takes seconds.
# Labels: io.cri-containerd.image=managed makes an image known to the kubelet at once; pinned keeps it from collection.
set -eu
tree=$1 archives=$2 pause=$3
socket=/run/import.sock

mount --bind "$tree" "$tree"
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount -t sysfs sysfs "$tree/sys"
mount -t tmpfs tmpfs "$tree/run"
mount -t tmpfs tmpfs "$tree/tmp"
mkdir "$tree/tmp/archives"
mount --bind "$archives" "$tree/tmp/archives"

# A store is content, snapshots and metadata: what serves the kubelet or runs containers is left out.
cat >"$tree/run/import.toml" <<CONFIG
version = 3
root = '/var/lib/containerd'
state = '/run/import'
disabled_plugins = [
  'io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images', 'io.containerd.cri.v1.runtime',
  'io.containerd.nri.v1.nri', 'io.containerd.internal.v1.opt',
  'io.containerd.snapshotter.v1.btrfs', 'io.containerd.snapshotter.v1.zfs', 'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.blockfile', 'io.containerd.snapshotter.v1.erofs',
]
[grpc]
  address = '$socket'
CONFIG

ctr() { chroot "$tree" ctr --address "$socket" --namespace k8s.io "$@"; }

chroot "$tree" containerd --config /run/import.toml &
containerd=$!
tries=0
until [ -S "$tree$socket" ] && ctr version >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ] || ! kill -0 "$containerd" 2>/dev/null; then
    echo "containerd of the tree does not answer" >&2
    exit 1
  fi
  sleep 0.1
done

for archive in "$archives"/*.tar; do
  ctr images import --snapshotter overlayfs "/tmp/archives/${archive##*/}"
done
for image in $(ctr images list --quiet); do
  ctr images label "$image" io.cri-containerd.image=managed >/dev/null
done
ctr images label "$pause" io.cri-containerd.image=managed io.cri-containerd.pinned=pinned
ctr images list
kill "$containerd"
wait "$containerd" || true
