#!/bin/bash
# Stands for modprobe, since the kernel here is not the release's. Whether there is such a module is asked of the release's
# own modprobe and its own kernel's modules, where it has one; that it is loaded is a folder in /sys/module, and the keys
# that come with it.
look=1 names=()
for word in "$@"; do
  case $word in
    -n) look='' ;;
    -*) ;;
    *) names+=("$word") ;;
  esac
done
kernel=$(ls /usr/lib/modules 2>/dev/null)
for name in "${names[@]}"; do
  [ -z "$kernel" ] || /usr/sbin/modprobe --dry-run --quiet --set-version "$kernel" "$name" || exit 1
  [ -n "$look" ] || continue
  mkdir -p "/sys/module/$name"
  cp -rn "/pretended/keys/$name/." /proc/sys/ 2>/dev/null
done
exit 0
