# shellcheck shell=bash
# Tells what this machine is, before anything on it is changed: facts, one to a line, as NAME=VALUE; a name may repeat.
#
# Inputs: NODE_INTERFACE ETCD_DEVICE (may be empty, or root) MODULES PROGRAMS UNITS IMAGES PORTS (what is asked for)
#         OWN_PROGRAMS (which would stand in the way of those that are brought) OWN_PORTS (which a proxy of an earlier
#         run listens on: it runs before there is a cluster); facts.sh was read before
# Guard:  reads and nothing else. A question that cannot be answered has an empty answer, which whoever asked judges.
# Output: the facts, and `whole=yes` last: without it the connection was cut.

# --- the machine ---

tell_system() {
  local key value
  tell clock "$(date +%s.%N)"
  tell uid "$(id -u)"
  tell hostname "$(first_line /proc/sys/kernel/hostname)"
  tell machine_id "$(first_line /etc/machine-id)"
  tell architecture "$(uname -m)"
  tell processors "$(nproc 2>/dev/null || true)"
  tell cgroups "$(stat -fc %T "$ROOT/sys/fs/cgroup" 2>/dev/null || true)"
  tell_release
  while read -r key value; do
    [ "$key" != MemTotal: ] || tell memory_kib "${value% kB}"
  done < <(cat "$ROOT/proc/meminfo" 2>/dev/null || true)
  # the folder that containerd and the kubelet fill
  tell disk_free_kib "$(df -Pk "$ROOT/var/lib" 2>/dev/null | { read -r _ && read -r _ _ _ free _ && printf '%s' "$free"; } || true)"
  tell container "$(systemd-detect-virt --container 2>/dev/null || true)"
  tell virtualisation "$(systemd-detect-virt --vm 2>/dev/null || true)"
}

tell_login_shell() { # of the user who enters: it reads every remote command before bash does
  local user=${SUDO_USER:-root} name shell
  while IFS=: read -r name _ _ _ _ _ shell; do
    [ "$name" != "$user" ] || tell login_shell "$user ${shell##*/}"
  done < <(cat "$ROOT/etc/passwd" 2>/dev/null || true)
}

tell_network() {
  local line parts port ours=''
  ! systemctl is-active --quiet fjordkube-api-proxy 2>/dev/null || ours=" $OWN_PORTS "
  for line in "$ROOT"/sys/class/net/*; do
    [ ! -d "$line" ] || tell nic "${line##*/}"
  done
  while read -r -a parts; do
    [ -z "${parts[3]:-}" ] || tell address "${parts[3]}"
  done < <(ip -o -4 address show dev "$NODE_INTERFACE" 2>/dev/null || true)
  while read -r _ _ _ line _; do
    for port in $PORTS; do
      [ "${line##*:}" != "$port" ] || [[ $ours == *" $port "* ]] || tell port_taken "$port"
    done
  done < <(ss -Hltn 2>/dev/null || true)
}

tell_firewalls() {
  local name
  while IFS= read -r name; do tell firewall "$name"; done < <(host_firewalls)
}

# --- what Kubernetes stands on ---

tell_software() {
  local name found
  for name in $MODULES; do
    [ -d "$ROOT/sys/module/$name" ] || modprobe -n -q "$name" 2>/dev/null || tell module_missing "$name"
  done
  for name in $OWN_PROGRAMS; do
    [ ! -e "$ROOT/usr/local/bin/$name" ] || [[ $(readlink "$ROOT/usr/local/bin/$name") == /opt/fjordkube/* ]] || tell own_program "$name"
  done
  tell docker "$(systemctl is-active docker 2>/dev/null || true)"
  for name in $PROGRAMS; do
    command -v "$name" >/dev/null || tell program_missing "$name"
  done
  ! command -v kubeadm >/dev/null || tell kubeadm "$(kubeadm version -o short 2>/dev/null || true)"
  ! command -v kubelet >/dev/null || tell kubelet "$(kubelet --version 2>/dev/null || true)"
  ! command -v kubectl >/dev/null || tell kubectl "$(kubectl version --client 2>/dev/null | head -n 1 || true)"
  ! command -v containerd >/dev/null || tell containerd "$(containerd --version 2>/dev/null || true)"
  tell_units
  found=$(ctr --timeout 60s -n k8s.io images ls -q 2>/dev/null) || {
    # a containerd that does not run is started later, and its images are seen then
    tell images unknown
    return 0
  }
  for name in $IMAGES; do
    [[ $'\n'$found$'\n' == *$'\n'"$name"$'\n'* ]] || tell image_missing "$name"
  done
}

tell_units() { # of programs that are there: without a unit, or with a masked one, they are dead after a boot
  local name
  for name in $UNITS; do
    command -v "$name" >/dev/null || continue
    case $(systemctl show --property=LoadState --value "$name.service" 2>/dev/null || true) in
      not-found) tell unit_missing "$name.service" ;;
      masked) tell unit_masked "$name.service" ;;
    esac
  done
}

tell_etcd() {
  local device=$ETCD_DEVICE
  [ -n "$device" ] && [ "$device" != root ] || return 0
  [[ $device == /dev/* ]] || device=$(findfs "$device" 2>/dev/null || true)
  [ -n "$device" ] && [ -e "$ROOT$device" ] || return 0
  tell etcd_device "$device"
  tell etcd_type "$(blkid -o value -s TYPE "$device" 2>/dev/null || true)"
}

tell_cluster() { # whose node it is already; the file of a control plane first: its kubelet may talk to itself
  local file key value
  for file in admin kubelet; do
    while read -r key value; do
      [ "$key" != server: ] || {
        tell cluster "$value"
        return 0
      }
    done < <(cat "$ROOT/etc/kubernetes/$file.conf" 2>/dev/null || true)
  done
  for file in /etc/rancher/k3s /etc/rancher/rke2 /var/lib/k0s /var/snap/microk8s; do
    [ ! -d "$ROOT$file" ] || tell other_kubernetes "${file##*/}"
  done
}

# what is asked of a machine that still boots may be different a moment later
wait_for_boot 60 || ! is_unready || tell booting "$AWAITED"
tell_system
tell_login_shell
tell_network
tell_firewalls
tell_software
tell_etcd
tell_cluster
tell whole yes
