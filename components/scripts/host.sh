# shellcheck shell=bash
# Makes this machine a Kubernetes host: modules, sysctls, limits, firewall, containerd, names, the way to the API, swap,
# time, etcd's disk, versions.
#
# Inputs: NODE_NAME NODE_ADDRESS NODE_INTERFACE MODULES SYSCTL_PATH SYSCTL_RULES (lines "rule key value") HOSTS_BLOCK
#         KUBERNETES_VERSION CONTAINERD_MINIMUM CONTAINERD_FILES ETCD_DEVICE (may be empty) ETCD_MOUNT
#         FIREWALL_RULES (empty: no firewall here) FIREWALL_MARK (name of a chain in them that no other rules have)
#         FIREWALL_ADMINS (networks that may enter) FIREWALL_SSH_PORTS (by which) FIREWALL_TABLE FIREWALL_PATH
#         FIREWALL_UNIT FIREWALL_UNIT_PATH FIREWALL_WANT FIREWALL_EXISTING (refuse, keep or replace: the host's own)
#         API_PROXY_CONFIG API_PROXY_PATH API_PROXY_WANT
#         the files themselves were written before this text runs (lib.sh write_file)
# Guard:  every step asks the machine first; a second run changes and restarts nothing.
# Output: one JSON line of facts.

PACKAGES_WAIT=900 # seconds; a first unattended-upgrade of a fresh image takes ten minutes on a small VPS

# --- versions: asked beside everything else, because each of these programs takes long to start on a slow guest ---

answers=$(mktemp -d)
trap 'rm -rf "$answers"' EXIT

ask() { # NAME COMMAND...  : its output into $answers/NAME; empty when the program is missing or fails
  local name=$1
  shift
  { command -v "$1" >/dev/null && "$@" >"$answers/$name" 2>/dev/null; } || : >"$answers/$name"
}

ask_versions() {
  ask containerd containerd --version &
  ask kubeadm kubeadm version -o short &
  ask kubelet kubelet --version &
  ask kubectl kubectl version --client &
}

version_in() { # FILE  : first vX.Y.Z in it, with its v; containerd prints some without
  local text=''
  IFS= read -r -d '' text <"$answers/$1" || true
  if [[ $text =~ v?([0-9]+\.[0-9]+\.[0-9]+[^[:space:]]*) ]]; then printf 'v%s' "${BASH_REMATCH[1]}"; fi
}

check_versions() {
  local program found missing=''
  for program in kubeadm kubelet kubectl; do
    found=$(version_in "$program")
    if [ -z "$found" ]; then
      missing="$missing $program"
    elif [ "$found" != "$KUBERNETES_VERSION" ]; then
      fail "$NODE_NAME: $program is $found, the stack wants $KUBERNETES_VERSION: install that version" \
        "(fjordkube changes no package by itself), or set kubernetes.version"
    fi
  done
  [ -z "$missing" ] || fail "$NODE_NAME:$missing not found: use a machine image that carries Kubernetes" \
    "$KUBERNETES_VERSION (local nodes get one from the bundle), or install it before 'up'"
  found=$(version_in containerd)
  [ -n "$found" ] || fail "$NODE_NAME: containerd not found: use an image that carries containerd $CONTAINERD_MINIMUM or newer"
  newer_or_same "${found#v}" "$CONTAINERD_MINIMUM" ||
    fail "$NODE_NAME: containerd is $found, Kubernetes $KUBERNETES_VERSION needs $CONTAINERD_MINIMUM or newer: upgrade it"
  hold_packages
}

newer_or_same() { # A B  : major.minor of A is at least that of B
  local a_major=${1%%.*} b_major=${2%%.*} a_rest=${1#*.} b_rest=${2#*.}
  local a_minor=${a_rest%%.*} b_minor=${b_rest%%.*}
  [ "$a_major" -gt "$b_major" ] || { [ "$a_major" -eq "$b_major" ] && [ "$a_minor" -ge "$b_minor" ]; }
}

hold_packages() { # packages of Kubernetes must not move by themselves; binaries outside dpkg cannot
  local held='' name
  [[ $(command -v kubelet) == /usr/bin/* ]] && command -v apt-mark >/dev/null || return 0
  held=" $(apt-mark showhold | tr '\n' ' ')"
  for name in kubeadm kubelet kubectl; do
    [[ $held == *" $name "* ]] && continue
    dpkg-query -W "$name" >/dev/null 2>&1 || continue
    wait_for_packages "$PACKAGES_WAIT"
    # whoever starts between the look and this is waited for again
    until apt-mark hold "$name" >&2; do
      [ -n "$(package_holder)" ] || fail "$NODE_NAME: apt-mark hold $name failed; its words are above"
      wait_for_packages "$PACKAGES_WAIT"
    done
    mkdir -p "$ROOT${HELD_RECORD%/*}"
    printf '%s\n' "$name" >>"$ROOT$HELD_RECORD"
    changed "held the package $name"
  done
}

# --- kernel ---

load_modules() {
  local name missing=()
  for name in $MODULES; do
    [ -d "$ROOT/sys/module/$name" ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  # One process for all; built-in ones succeed without appearing in /sys/module.
  modprobe -a "${missing[@]}" 2>"$answers/modprobe" || modules_missing "${missing[@]}"
  for name in "${missing[@]}"; do
    [ ! -d "$ROOT/sys/module/$name" ] || changed "loaded the module $name"
  done
}

modules_missing() {
  local name absent='' kernel
  for name in "$@"; do
    modprobe "$name" 2>/dev/null || absent="$absent $name"
  done
  [ -n "$absent" ] || return 0
  read -r kernel <"$ROOT/proc/sys/kernel/osrelease"
  fail "$NODE_NAME: kernel $kernel has no module$absent. Remedy: install a full kernel and boot it -" \
    "Debian: linux-image-amd64 (or linux-image-cloud-amd64); Ubuntu: linux-image-generic or" \
    "linux-modules-extra-$kernel. kube_proxy.mode: nftables needs no ip_vs"
}

set_sysctls() {
  local rule key value now file wanted='' cores
  while read -r rule key value; do
    [ -n "$rule" ] || continue
    file="$ROOT/proc/sys/${key//./\/}"
    [ -e "$file" ] || fail "$NODE_NAME: this kernel has no $key ($file): is its module loaded?"
    # $(< ) instead of read: a kernel file may end without a newline, and ranges are separated by a tab
    now=$(<"$file")
    now=${now//$'\t'/ }
    case $rule in
      raise) [ "$now" -lt "$value" ] || value=$now ;;
      widen) value=$(widest "$now" "$value") ;;
      cores)
        # LEAST PER_CORE, or what the host has
        cores=$(nproc)
        cores=$((${value#* } * cores)) value=${value% *}
        [ "$cores" -le "$value" ] || value=$cores
        [ "$now" -lt "$value" ] || value=$now
        ;;
    esac
    wanted+="$key = $value"$'\n'
    [ "$now" = "$value" ] || {
      printf '%s\n' "$value" >"$file" || fail "$NODE_NAME: the kernel refuses $key = $value"
      changed "$key: $now -> $value"
    }
  done <<<"$SYSCTL_RULES"
  # not through a pipe: write_file counts its change in this shell
  write_file "$ROOT$SYSCTL_PATH" 0644 <<<"# Written by fjordkube: applied at boot. Values the host had higher were kept."$'\n'"${wanted%$'\n'}"
}

widest() { # "LOW HIGH" "LOW HIGH"
  local low=${1% *} high=${1#* }
  [ "$low" -le "${2% *}" ] || low=${2% *}
  [ "$high" -ge "${2#* }" ] || high=${2#* }
  printf '%s %s' "$low" "$high"
}

# --- names, swap, time ---

write_hosts() { # with cloud-init's manage_etc_hosts the next boot writes /etc/hosts anew, from its template
  with_block /etc/hosts
  [ ! -f "$ROOT$HOSTS_TEMPLATE" ] || with_block "$HOSTS_TEMPLATE"
}

with_block() { # FILE  : its text with our block at the end, and nowhere else
  without_block "$1"
  write_file "$ROOT$1" 0644 <<<"$REST# fjordkube begin"$'\n'"$HOSTS_BLOCK# fjordkube end"
}

swap_off() { # in every form in which a boot would bring it back: the kubelet ends where there is any
  local line count=0
  # first what would bring it back, so that nothing does in between; commented out, so that release.sh finds it
  if [ -f "$ROOT/etc/fstab" ] && grep -Eq '^[^#][^[:space:]]*[[:space:]]+[^[:space:]]+[[:space:]]+swap[[:space:]]' "$ROOT/etc/fstab"; then
    sed -E -i 's/^([^#][^[:space:]]*[[:space:]]+[^[:space:]]+[[:space:]]+swap[[:space:]].*)$/# fjordkube: \1/' "$ROOT/etc/fstab"
    changed "swap removed from /etc/fstab"
  fi
  mask_swap
  while read -r line; do count=$((count + 1)); done <"$ROOT/proc/swaps"
  if [ $count -gt 1 ]; then
    swapoff -a
    changed "swap is off"
  fi
}

mask_swap() { # units of swap areas, written or generated (zram-generator, GPT), and services that make some
  local folder file name masked=0
  for folder in /etc/systemd/system /run/systemd/generator /run/systemd/generator.late /usr/local/lib/systemd/system \
    /usr/lib/systemd/system /lib/systemd/system; do
    for file in "$ROOT$folder/"*.swap "${SWAP_SERVICES[@]/#/$ROOT$folder/}"; do
      # a link here is an alias or masked already; the unit that it names has its own turn
      [ -f "$file" ] && [ ! -L "$file" ] || continue
      name=${file##*/}
      mask_unit "$name" && masked=1
    done
  done
  [ $masked = 0 ] || systemctl daemon-reload
}

mask_unit() { # NAME  : fails where there is nothing to do; recorded, so that release.sh takes back no mask of others
  local link=$ROOT/etc/systemd/system/$1
  [ ! "$link" -ef /dev/null ] || return 1
  # swapspace's daemon would make more; no unit of a swap area is stopped: one swapoff takes all
  [[ $1 != *.service ]] || systemctl stop "$1" >&2 || log "$NODE_NAME: $1 does not stop"
  mkdir -p "$ROOT$SWAP_RECORD" "${link%/*}"
  if [ -f "$link" ]; then
    # `systemctl mask` refuses where the unit's own file is in the way
    mv -f "$link" "$ROOT$SWAP_RECORD/$1"
  else
    : >"$ROOT$SWAP_RECORD/$1"
  fi
  ln -s /dev/null "$link"
  changed "masked $1, which makes swap"
}

keep_time() { # the first time service that is installed; certificates and leases need clocks that agree
  local service state
  TIME_SYNC=none
  for service in chrony systemd-timesyncd ntpsec ntp; do
    [ -e "$ROOT/usr/lib/systemd/system/$service.service" ] || [ -e "$ROOT/etc/systemd/system/$service.service" ] || continue
    state=$(systemctl is-enabled "$service" 2>/dev/null || true)
    case $state in
      enabled | enabled-runtime | static | alias) ;;
      masked*) continue ;; # somebody decided against it
      *)
        systemctl enable --now "$service" >&2
        changed "enabled $service"
        ;;
    esac
    TIME_SYNC=$service
    return 0
  done
  log "$NODE_NAME: no time service is installed and allowed (chrony, systemd-timesyncd): clocks may drift apart"
}

# --- etcd's own disk ---

mounted() { # PATH
  local line
  while IFS=' ' read -r -a line; do
    [ "${line[4]}" != "$1" ] || return 0
  done <"$ROOT/proc/self/mountinfo"
  return 1
}

mount_etcd() {
  local line entry="$ETCD_DEVICE $ETCD_MOUNT auto noatime,nofail 0 2" listed=0 left
  [ -n "$ETCD_DEVICE" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    [ "$line" != "$entry" ] || listed=1
  done <"$ROOT/etc/fstab"
  if [ $listed = 0 ]; then
    printf '%s\n' "$entry" >>"$ROOT/etc/fstab"
    changed "etcd's disk added to /etc/fstab"
  fi
  ! mounted "$ETCD_MOUNT" || return 0
  mkdir -p "$ROOT$ETCD_MOUNT"
  left=$(ls -A "$ROOT$ETCD_MOUNT")
  # systemd may mount it between the two questions
  ! mounted "$ETCD_MOUNT" || return 0
  [ -z "$left" ] || fail "$NODE_NAME: $ETCD_MOUNT holds data on the root disk, and etcd's disk $ETCD_DEVICE would hide it:" \
    "move it away first"
  mount "$ETCD_MOUNT" || fail "$NODE_NAME: cannot mount etcd's disk $ETCD_DEVICE: is it attached and formatted?"
  chmod 0700 "$ROOT$ETCD_MOUNT"
  mounted "$ETCD_MOUNT" || fail "$NODE_NAME: $ETCD_MOUNT is not mounted although mount(8) reported success"
  changed "mounted etcd's disk at $ETCD_MOUNT"
}

# --- firewall: loaded before anything listens, and at every boot before there is an address ---

guard_node() {
  local said loaded=no firewalls
  mapfile -t firewalls < <(host_firewalls)
  [ ${#firewalls[@]} = 0 ] || judge_firewalls "${firewalls[@]}"
  if [ -z "$FIREWALL_RULES" ]; then
    unguard_node
    return 0
  fi
  command -v nft >/dev/null || fail "$NODE_NAME: nft not found, and the node guards itself with it: install it (Debian:" \
    "nftables), or set firewall.host: never"
  # the kernel is asked, not a file: somebody may have flushed its rules
  ! nft list chain inet "$FIREWALL_TABLE" "$FIREWALL_MARK" >/dev/null 2>&1 || loaded=yes
  [ $loaded = yes ] || keep_a_way_in
  write_file "$ROOT$FIREWALL_PATH" 0644 <<<"${FIREWALL_RULES%$'\n'}"
  if [ $loaded = no ]; then
    said=$(nft -f "$ROOT$FIREWALL_PATH" 2>&1) || fail "$NODE_NAME: the kernel refuses the firewall's rules (${said%%$'\n'*}):" \
      "it needs nf_tables, nft_ct and nft_fib_inet; boot a full kernel, or set firewall.host: never"
    changed "loaded the firewall's rules"
  fi
  write_file "$ROOT$FIREWALL_UNIT_PATH" 0644 <<<"${FIREWALL_UNIT%$'\n'}"
  if [ ! -L "$ROOT$FIREWALL_WANT" ]; then
    mkdir -p "$ROOT${FIREWALL_WANT%/*}"
    ln -s "$FIREWALL_UNIT_PATH" "$ROOT$FIREWALL_WANT"
    changed "the firewall's rules are loaded at boot"
  fi
  # ours are in force: the node is open at no moment
  if [ "$FIREWALL_EXISTING" = replace ]; then replace_firewalls "${firewalls[@]}"; fi
}

judge_firewalls() { # NAME...  : of the host's own; most close what nodes need of each other, and BGP fails much later
  local name
  for name in "$@"; do
    case $FIREWALL_EXISTING in
      keep) log "$NODE_NAME: $name stays active beside ours (firewall.existing: keep)" ;;
      refuse)
        fail "$NODE_NAME: its own firewall is active ($name), and packets must pass it too: switch it off, or set" \
          "firewall.existing: replace (ours stands in for it until 'down'), or keep if it lets through what docs/firewall.md lists"
        ;;
      replace)
        [ -n "$FIREWALL_RULES" ] || fail "$NODE_NAME: its own firewall ($name) would be switched off with none of ours in" \
          "its place: set firewall.host: always, or firewall.existing: keep"
        [[ $name != table* ]] || fail "$NODE_NAME: its own firewall is active ($name), and whoever loads it is not known:" \
          "take it out of /etc/nftables.conf and 'nft delete $name', or set firewall.existing: keep"
        ;;
    esac
  done
}

replace_firewalls() { # NAME...
  local name
  for name in "$@"; do
    grep -qsx "$name" "$ROOT$FIREWALL_RECORD" || printf '%s\n' "$name" >>"$ROOT$FIREWALL_RECORD"
    case $name in
      ufw) ufw disable >&2 ;;
      firewalld) systemctl disable --now firewalld.service >&2 ;;
    esac
    changed "switched off $name: our rules stand in for it"
  done
}

unguard_node() { # what an earlier run made; the rules' file goes last, since it is what tells
  [ -e "$ROOT$FIREWALL_PATH" ] || return 0
  ! command -v nft >/dev/null || nft delete table inet "$FIREWALL_TABLE" 2>/dev/null || true
  rm -f "$ROOT$FIREWALL_WANT" "$ROOT$FIREWALL_UNIT_PATH"
  rm -f "$ROOT$FIREWALL_PATH"
  changed "removed the firewall of an earlier run"
}

keep_a_way_in() { # this run comes in by SSH: rules that do not admit it would be the last that it loads
  local connection client port network
  connection=$(ssh_connection)
  [ -n "$connection" ] || return 0
  client=${connection%% *} port=${connection##* }
  [[ " $FIREWALL_SSH_PORTS " == *" $port "* ]] ||
    fail "$NODE_NAME: its SSH server answers on port $port, and the firewall opens $FIREWALL_SSH_PORTS: let it listen on" \
      "one of these, or set firewall.host: never. The rules were not loaded"
  for network in $FIREWALL_ADMINS; do
    ! holds "$network" "$client" || return 0
  done
  fail "$NODE_NAME: this run comes from $client, which firewall.admin_cidrs does not admit: add it (for a bastion, its" \
    "address on the node's network), or the next run could not enter. The rules were not loaded"
}

ssh_connection() { # address and port of both ends; sudo does not pass it on, so parents are asked too
  local connection=${SSH_CONNECTION:-} process=$PPID line name value
  while [ -z "$connection" ] && [ "$process" -gt 1 ] && [ -r "$ROOT/proc/$process/environ" ]; do
    while IFS= read -r -d '' line; do
      [[ $line != SSH_CONNECTION=* ]] || connection=${line#*=}
    done <"$ROOT/proc/$process/environ"
    line=$process process=1
    while IFS=: read -r name value; do
      [ "$name" != PPid ] || process=${value//[[:space:]]/}
    done <"$ROOT/proc/$line/status"
  done
  printf '%s' "$connection"
}

holds() { # NETWORK ADDRESS  : of IPv4; no network holds an address of IPv6
  local length=${1#*/} mask
  [[ $2 != *:* ]] || return 1
  mask=$((length == 0 ? 0 : (0xffffffff << (32 - length)) & 0xffffffff))
  [ $(($(number "${1%/*}") & mask)) -eq $(($(number "$2") & mask)) ]
}

number() { # ADDRESS
  local parts
  IFS=. read -r -a parts <<<"$1"
  printf '%d' $(((parts[0] << 24) | (parts[1] << 16) | (parts[2] << 8) | parts[3]))
}

# --- services ---

adopt_registries() { # mirrors and certificates by which this host reached registries before there was our configuration
  local configuration=${CONTAINERD_FILES%% *} folder entry link
  while IFS= read -r folder; do
    for entry in "$ROOT$folder"/*; do
      link=$ROOT$REGISTRIES/${entry##*/}
      [ -d "$entry" ] && [ ! -e "$link" ] && [ ! -L "$link" ] || continue
      mkdir -p "${link%/*}"
      ln -s "$folder/${entry##*/}" "$link"
      changed "registry ${entry##*/} as the host's own containerd has it ($folder)"
    done
  done < <(own_registries "$configuration")
  [ ! -f "$ROOT$configuration$OWN" ] ||
    ! grep -Eq '^[^#]*registry\.(mirrors|configs)' "$ROOT$configuration$OWN" ||
    log "$NODE_NAME: $configuration$OWN names registries itself, which containerd 2 gives up: write them to $REGISTRIES" \
      "(https://github.com/containerd/containerd/blob/main/docs/hosts.md)"
}

run_containerd() {
  local file stale=0 socket="$ROOT/run/containerd/containerd.sock"
  # systemd itself knows whether a unit file is newer than what it has loaded
  if systemctl show --property=NeedDaemonReload --value containerd.service kubelet.service "${API_PROXY_WANT##*/}" | grep -q yes; then
    systemctl daemon-reload
    changed "systemd read the new unit files"
  fi
  for file in $CONTAINERD_FILES; do
    # newer than the socket = written after containerd started, by this run or by one that was cut short
    [ ! "$ROOT$file" -nt "$socket" ] || stale=1
  done
  if [ ! -S "$socket" ] && [ ! -e "$socket" ]; then
    systemctl enable --now containerd.service >&2
    changed "started containerd"
  elif [ $stale = 1 ]; then
    systemctl restart containerd.service
    changed "restarted containerd with its new configuration"
  fi
  until_true 120 "$NODE_NAME: containerd's socket" test -e "$socket"
}

run_api_proxy() { # before anything asks the API by its name
  local path=$ROOT$API_PROXY_PATH unit=${API_PROXY_WANT##*/} said now='' next
  command -v haproxy >/dev/null || fail "$NODE_NAME: haproxy not found, by which the node reaches the API: install it" \
    "(Debian and Ubuntu: haproxy)"
  # lies there until the proxy has read it: a run may be cut in between
  next=$path.unread
  [ ! -f "$path" ] || now=$(<"$path")
  if [ "$now" != "${API_PROXY_CONFIG%$'\n'}" ] || [ -e "$next" ]; then
    mkdir -p "${path%/*}"
    printf '%s' "$API_PROXY_CONFIG" >"$next"
    said=$(haproxy -c -f "$next" 2>&1) || {
      rm -f "$next"
      printf '%s\n' "$said" >&2
      fail "$NODE_NAME: $(command -v haproxy) does not take the configuration of the API's proxy; its words are above." \
        "It needs HAProxy 2.4 or newer with OpenSSL; what ran before runs on"
    }
    write_file "$path" 0644 <"$next"
  fi
  if [ ! -L "$ROOT$API_PROXY_WANT" ]; then
    mkdir -p "$ROOT${API_PROXY_WANT%/*}"
    ln -s "/etc/systemd/system/$unit" "$ROOT$API_PROXY_WANT"
    changed "the API's proxy is started at boot"
  fi
  if ! systemctl is-active --quiet "$unit"; then
    systemctl start "$unit" || fail "$NODE_NAME: the API's proxy does not start: journalctl --unit $unit tells why"
    changed "started the API's proxy"
  elif [ -e "$next" ]; then
    systemctl reload "$unit" || fail "$NODE_NAME: the API's proxy is not reloaded: journalctl --unit $unit tells why"
    changed "the API's proxy read its new configuration; connections went on"
  fi
  [ ! -e "$next" ] || rm -f "$next"
}

enable_daemons() { # a unit laid down by hand may run now, and be dead after the next boot
  local line unit='' load='' file=''
  while IFS= read -r line || [ -n "$unit" ]; do
    case $line in
      Id=*) unit=${line#*=} ;;
      LoadState=*) load=${line#*=} ;;
      UnitFileState=*) file=${line#*=} ;;
      '')
        enable_daemon "$unit" "$load" "$file"
        unit='' load='' file=''
        ;;
    esac
  done < <(systemctl show --property=Id,LoadState,UnitFileState containerd.service kubelet.service 2>/dev/null || true)
}

enable_daemon() { # UNIT LOADED ENABLED  : as systemd says
  case $2 in
    not-found) fail "$NODE_NAME: there is no $1, so nothing starts it at boot: install the package that carries it" ;;
    masked) fail "$NODE_NAME: $1 is masked, so it never starts: systemctl unmask $1" ;;
  esac
  case $3 in
    disabled | enabled-runtime | linked | linked-runtime)
      systemctl enable "$1" >&2
      changed "enabled $1: it starts at boot"
      ;;
  esac
}

await_boot
ask_versions
load_modules
set_sysctls
swap_off
write_hosts
mount_etcd
guard_node
adopt_registries
run_containerd
run_api_proxy
enable_daemons
keep_time
wait
check_versions

[ -d "$ROOT/sys/class/net/$NODE_INTERFACE" ] ||
  fail "$NODE_NAME: no network interface $NODE_INTERFACE for the private network: correct the node's interface"
case "$(ip -o -4 address show dev "$NODE_INTERFACE")" in
  *" $NODE_ADDRESS/"*) ;;
  *) fail "$NODE_NAME: $NODE_INTERFACE does not have the address $NODE_ADDRESS: etcd and the kubelet would not start on it" ;;
esac

read -r KERNEL <"$ROOT/proc/sys/kernel/osrelease"
printf '{"node":"%s","kernel":"%s","containerd":"%s","kubernetes":"%s","time_sync":"%s","changed":%d}\n' \
  "$NODE_NAME" "$KERNEL" "$(version_in containerd)" "$(version_in kubeadm)" "$TIME_SYNC" "$CHANGES"
