#!/bin/sh
# Makes this guest the node that its seed disk describes.
#
# The disk with serial "seed" holds a tar: /etc/hostname, the SSH host key, root's authorized_keys and
# /etc/fjordkube/network.env. It is unpacked at every boot, so what it says holds. Files alone are written: a folder's
# owner and mode stay what the image says.
# Runs before udev, network and SSH; a program start is dear on an emulated processor, so the shell does what it can.
set -eu

device=
for file in /sys/block/*/serial; do
  serial=
  read -r serial <"$file" || : # no newline at its end
  if [ "$serial" = seed ]; then
    device=${file#/sys/block/}
    device=/dev/${device%/serial}
  fi
done
if [ -z "$device" ]; then
  echo "fjordkube: no disk with serial seed: this guest has no name, no address and no key" >&2
  exit 1
fi

tar --extract --file="$device" --directory=/ --numeric-owner --preserve-permissions --no-overwrite-dir
read -r name </etc/hostname
echo "$name" >/proc/sys/kernel/hostname

EMULATED=0
# shellcheck source=/dev/null
. /etc/fjordkube/network.env
if [ "$EMULATED" = 1 ]; then
  # An emulated processor loses far more by switching than by waiting: slices of 24 ms instead of 3, and no preemption
  # by whoever wakes up. Measured on two host cores: kubeadm init 152 s instead of 258 s.
  mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
  echo 24000000 >/sys/kernel/debug/sched/base_slice_ns
  echo NO_WAKEUP_PREEMPTION >/sys/kernel/debug/sched/features
fi
