# shellcheck shell=bash
# Gives this machine back as it was lent: out of its cluster, and without what host.sh prepared.
#
# Inputs: NODE_NAME ETCD_DEVICE (may be empty) ETCD_MOUNT ETCD_DATA (empty on workers) FILES KUBEADM_FILES AUDIT_LOGS
#         FIREWALL_TABLE FIREWALL_FILES EMPTY (folders that go where nothing of others is in them) CRICTL_FILE
#         OWN_FILES (which the host may have had itself) (reset.sh and artifacts_release.sh were read before)
# Guard:  each part asks whether there is something to undo; a second run finds nothing. A node of a cluster that did
#         not begin with our files is not reset.
# Leaves: containerd with its images, where it was not brought (with our configuration, where the host had none of its
#         own), loaded modules and sysctls (until the next boot), and what the disk gate measured.
# Output: one JSON line.

is_begun() {
  [ -e "$ROOT/etc/kubernetes/kubelet.conf" ] || [ -e "$ROOT/etc/kubernetes/bootstrap-kubelet.conf" ] ||
    [ -e "$ROOT/etc/kubernetes/pki/ca.crt" ] || [ -e "$ROOT/var/lib/kubelet/config.yaml" ] ||
    [ -d "$ROOT/sys/class/net/kube-ipvs0" ]
}

is_ours() { [ -d "$ROOT$KUBEADM_FILES" ]; }

stop_kubelet() { # without a configuration it would only be started again and again
  ! systemctl is-active --quiet kubelet || systemctl stop kubelet
}

empty_etcd() {
  local entry="$ETCD_DEVICE $ETCD_MOUNT auto noatime,nofail 0 2" line text='' found=0 folder
  [ -n "$ETCD_DATA" ] || return 0
  # kubeadm empties it, unless it stumbled before: data of a cluster that is gone would keep the next one from starting
  folder=$ROOT$ETCD_DATA
  rm -rf "$folder"
  [ -n "$ETCD_DEVICE" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    if [ "$line" = "$entry" ]; then found=1; else text+="$line"$'\n'; fi
  done <"$ROOT/etc/fstab"
  [ $found = 1 ] || return 0
  ! mounted "$ETCD_MOUNT" || umount "$ETCD_MOUNT" || log "$NODE_NAME: $ETCD_MOUNT is still in use, and stays mounted"
  write_file "$ROOT/etc/fstab" 0644 <<<"${text%$'\n'}"
}

mounted() { # PATH
  local line
  while IFS=' ' read -r -a line; do
    [ "${line[4]}" != "$1" ] || return 0
  done <"$ROOT/proc/self/mountinfo"
  return 1
}

forget_hosts() {
  local file
  for file in /etc/hosts "$HOSTS_TEMPLATE"; do
    [ -f "$ROOT$file" ] || continue
    without_block "$file"
    write_file "$ROOT$file" 0644 <<<"${REST%$'\n'}"
  done
}

swap_comes_back() { # at the next boot
  local file name
  ! grep -q '^# fjordkube: ' "$ROOT/etc/fstab" || sed -i 's/^# fjordkube: //' "$ROOT/etc/fstab"
  for file in "$ROOT$SWAP_RECORD/"*; do
    [ -f "$file" ] || continue
    name=$ROOT/etc/systemd/system/${file##*/}
    if [ "$name" -ef /dev/null ]; then rm -f "$name"; fi
    if [ -s "$file" ] && [ ! -e "$name" ]; then mv "$file" "$name"; else rm -f "$file"; fi
  done
  [ ! -d "$ROOT$SWAP_RECORD" ] || rmdir "$ROOT$SWAP_RECORD"
}

stop_api_proxy() {
  [ ! -e "$ROOT/etc/systemd/system/fjordkube-api-proxy.service" ] || systemctl stop fjordkube-api-proxy.service
}

open_node() {
  ! command -v nft >/dev/null || nft delete table inet "$FIREWALL_TABLE" 2>/dev/null || true
}

own_configuration() { # containerd's and crictl's, where the host had one
  local name folder link
  while IFS= read -r folder; do
    for link in "$ROOT$REGISTRIES"/*; do
      if [ -L "$link" ] && [[ $(readlink "$link") == "$folder"/* ]]; then rm -f "$link"; fi
    done
  done < <(for name in $OWN_FILES; do own_registries "$name"; done)
  for name in $OWN_FILES; do
    [ -e "$ROOT$name$OWN" ] || continue
    mv -f "$ROOT$name$OWN" "$ROOT$name"
    changed "$name is this host's own again"
  done
}

own_containerd() { # which ours stood in for: only now, since an older one does not start with our configuration
  if [ "$STOOD_IN" = 1 ]; then
    ! command -v containerd >/dev/null || systemctl start containerd || log "$NODE_NAME: its own containerd does not start"
  elif [ "$CHANGES" != 0 ]; then
    systemctl try-restart containerd.service || log "$NODE_NAME: containerd does not restart"
  fi
}

free_packages() { # that host.sh held
  local names=()
  [ -s "$ROOT$HELD_RECORD" ] || return 0
  mapfile -t names <"$ROOT$HELD_RECORD"
  wait_for_packages 300
  apt-mark unhold "${names[@]}" || log "$NODE_NAME: ${names[*]} stay held (apt-mark unhold lets them go)"
  rm -f "$ROOT$HELD_RECORD"
}

close_node() { # by the firewall that the host had of its own
  local name
  [ -f "$ROOT$FIREWALL_RECORD" ] || return 0
  while IFS= read -r name; do
    case $name in
      ufw) ufw --force enable ;;
      firewalld) systemctl enable --now firewalld.service ;;
    esac || log "$NODE_NAME: $name does not start again"
  done <"$ROOT$FIREWALL_RECORD"
  rm -f "$ROOT$FIREWALL_RECORD"
}

remove_files() {
  local name folder=$ROOT$KUBEADM_FILES
  for name in $FIREWALL_FILES $FILES; do rm -f "$ROOT$name"; done
  # crictl knows where to look without it; one of the host's own comes back later
  ! grep -qs "^$WRITTEN" "$ROOT$CRICTL_FILE" || rm -f "$ROOT$CRICTL_FILE"
  rm -rf "$folder" "$ROOT$AUDIT_LOGS"
  # what else lies beside it is not ours
  [ ! -d "${folder%/*}" ] || rmdir --ignore-fail-on-non-empty "${folder%/*}"
  systemctl daemon-reload
}

only_one 120
if is_ours; then
  if is_begun; then reset_node; fi
  { stop_kubelet && empty_etcd; } >&2
elif is_begun; then
  log "$NODE_NAME: is a node of a cluster that is not ours, which is left alone"
fi
{
  forget_hosts
  swap_comes_back
  stop_api_proxy
  open_node
  close_node
  free_packages
  take_artifacts
  remove_files
  CHANGES=0
  own_configuration
  drop_empty "$EMPTY"
  own_containerd
} >&2
printf '{"node":"%s","state":"released"}\n' "$NODE_NAME"
