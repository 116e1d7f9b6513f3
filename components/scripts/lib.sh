# shellcheck shell=bash
# Functions every node script may use. Read first by components/remote.py; never run alone.
# Conventions: data on stdout, log on stderr, waits bounded, values arrive as quoted assignments.

CHANGED=0
CHANGES=0
# The tests' fake machine; empty on a real one.
# shellcheck disable=SC2034  # read by the scripts that follow
ROOT=${FJORDKUBE_ROOT:-}

# A node's own proxy (/etc/environment, sshd's SetEnv) is for downloads: it does not reach the API on the private network
# (kubespray#5935). no_proxy too: kubeadm writes whatever ends in _proxy into its static pods.
unset http_proxy https_proxy all_proxy ftp_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY FTP_PROXY NO_PROXY

log() { printf '%s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# write_file PATH MODE <content   : only when the content or the mode differs; CHANGED=1 then
# Builtins wherever they do: on an emulated guest every process costs a hundredth of a second or more.
write_file() {
  local path=$1 mode=$2 next now=''
  IFS= read -r -d '' next || true
  if [ -f "$path" ]; then
    IFS= read -r -d '' now <"$path" || true
    if [ "$now" = "$next" ] && [ "$(stat -c %a "$path")" = "${mode#0}" ]; then return 0; fi
  fi
  [ -d "${path%/*}" ] || mkdir -p "${path%/*}"
  if [[ $next == "$WRITTEN"* ]]; then keep_own "$path" "$now"; fi
  (umask 077 && printf '%s' "$next" >"$path.next")
  chmod "$mode" "$path.next"
  mv -f "$path.next" "$path"
  # shellcheck disable=SC2034  # read by the script that follows
  CHANGED=1
  CHANGES=$((CHANGES + 1))
  log "wrote $path"
}

# How files begin that are ours as a whole, and what the name of a file ends with that stood in such a file's place
WRITTEN='# Written by fjordkube'
OWN=.before-fjordkube

keep_own() { # PATH TEXT  : the host's own file, once; release.sh puts it back
  [ -f "$1" ] && [[ $2 != "$WRITTEN"* ]] && [ ! -e "$1$OWN" ] || return 0
  cp -p "$1" "$1$OWN"
  log "kept this host's own $1 as $1$OWN"
}

# own_registries CONFIGURATION   : prints the folders in which the host's own containerd looked for registries
own_registries() {
  local line folder
  [ -f "$ROOT$1$OWN" ] || return 0
  while IFS= read -r line; do
    [[ $line =~ ^[[:space:]]*config_path[[:space:]]*=[[:space:]]*[\"\']([^\"\']+)[\"\'] ]] || continue
    # several are separated like those of PATH (containerd 1.5 and newer)
    while IFS= read -r -d: folder; do
      [ -z "$folder" ] || [ "$folder" = "$REGISTRIES" ] || printf '%s\n' "$folder"
    done <<<"${BASH_REMATCH[1]}:"
  done <"$ROOT$1$OWN"
}
REGISTRIES=/etc/containerd/certs.d

# until_true SECONDS WHAT COMMAND...   : tries about once a second; fails naming WHAT when the time is over
until_true() {
  local limit=$1 what=$2 start=$SECONDS
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $((SECONDS - start)) -lt "$limit" ] || fail "$what: not after ${limit} s"
    sleep 1
  done
}

# runtime_answers SECONDS   : containerd's socket is there before containerd answers, on a busy machine for minutes, and
# kubeadm asks it once
runtime_answers() {
  wait_for_runtime "$1" ||
    fail "$NODE_NAME: an answer of the container runtime (journalctl --unit containerd tells why): not after $1 s"
}

wait_for_runtime() { # SECONDS  : fails when the time is over
  local start=$SECONDS
  until runtime_is_there; do
    [ $((SECONDS - start)) -lt "$1" ] || return 1
    [ $SECONDS != "$start" ] || log "${NODE_NAME:-this node}: waiting for an answer of the container runtime"
    sleep 1
  done
}

# systemd knows whether it has started, and is asked by a small program: on a slow machine each start of crictl costs a
# second and more, which containerd lacks
runtime_is_there() { systemctl is-active --quiet containerd && crictl version >/dev/null 2>&1; }

# wait_for_boot SECONDS   : until boot and cloud-init have ended; fails with AWAITED, what they still do, when it is over
# SSH answers long before: file systems of /etc/fstab come up later, and cloud-init writes users, packages and /etc/hosts.
wait_for_boot() {
  local start=$SECONDS before=''
  AWAITED=$(still_booting)
  while [ -n "$AWAITED" ]; do
    [ $((SECONDS - start)) -lt "$1" ] || return 1
    [ "$AWAITED" = "$before" ] || log "waiting until this machine has booted: $AWAITED"
    before=$AWAITED
    sleep 1
    AWAITED=$(still_booting)
  done
}

# is_unready   : whether AWAITED is what may change what is asked; a service of its owner's that never gets ready is not
is_unready() { [[ $AWAITED == cloud-init || $AWAITED == *.mount* || $AWAITED == *.device* ]]; }

still_booting() { # prints what is still at work; nothing once all has ended, well (running) or not (degraded)
  local state name
  # cloud-init is a slow program on a slow machine: it is asked only where its own files say that it has not ended
  if [ -e "$ROOT/run/cloud-init/enabled" ] && [ ! -e "$ROOT/run/cloud-init/result.json" ]; then
    state=$(cloud-init status 2>/dev/null || true)
    [[ $state != *'status: running'* ]] || { printf 'cloud-init' && return 0; }
  fi
  state=$(systemctl is-system-running 2>/dev/null || true)
  case $state in
    initializing | starting) ;;
    *) return 0 ;;
  esac
  printf 'systemd (%s)' "$state"
  while read -r _ name _ state; do
    [ "$state" != running ] || printf ' %s' "$name"
  done < <(systemctl list-jobs --no-legend 2>/dev/null || true)
}

# await_boot   : what a script that changes a node does first: what it asks before may be different a moment later
BOOT_WAIT=300 # seconds; a first boot with cloud-init's packages takes minutes
await_boot() {
  wait_for_boot "$BOOT_WAIT" && return 0
  ! is_unready || fail "$NODE_NAME: its boot has not ended after $BOOT_WAIT s ($AWAITED): look with" \
    "'cloud-init status --long' and 'systemctl list-jobs'; the next 'up' goes on from here"
  log "$NODE_NAME: its boot has not ended after $BOOT_WAIT s ($AWAITED); file systems are there, going on"
}

# wait_for_packages SECONDS   : until nobody works on packages (unattended-upgrades at boot, an administrator's apt)
wait_for_packages() {
  local start=$SECONDS before='' holder process
  holder=$(package_holder)
  while [ -n "$holder" ]; do
    process=${holder##*(}
    [ $((SECONDS - start)) -lt "$1" ] || fail "$NODE_NAME: packages are still worked on by $holder after $1 s:" \
      "let it end (ps -fp ${process%)}), then run 'up' again"
    [ "$holder" = "$before" ] || log "$NODE_NAME: waiting for $holder, which works on packages"
    before=$holder
    sleep 1
    holder=$(package_holder)
  done
}

package_holder() { # prints the process that holds a lock of dpkg or apt, e.g. apt-get (4711)
  local lock held process file name
  [ -r "$ROOT/proc/locks" ] || return 0
  # lines "1: POSIX ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF"; one that waits has "->" in second place
  while read -r _ lock _ _ process held _; do
    [ "$lock" = POSIX ] && [ -d "$ROOT/proc/$process" ] || continue
    for lock in lib/dpkg/lock-frontend lib/dpkg/lock lib/apt/lists/lock cache/apt/archives/lock; do
      lock=$ROOT/var/$lock
      # inode numbers repeat on other file systems: the process has the very file open
      [ -e "$lock" ] && [ "$(stat -c %i "$lock")" = "${held##*:}" ] || continue
      for file in "$ROOT/proc/$process/fd/"*; do
        [ "$file" -ef "$lock" ] || continue
        read -r name <"$ROOT/proc/$process/comm" || name=unknown
        printf '%s (%s)' "$name" "$process"
        return 0
      done
    done
  done <"$ROOT/proc/locks"
}

# print_kubeconfig FILE   : after a mark, since a login shell may have printed before (bootstrap/kubeconfig.py)
print_kubeconfig() {
  printf '# fjordkube: kubeconfig\n'
  cat "$1"
}

# repeated TIMES COMMAND...   : tries a command that may be repeated, with a pause in between; fails as its last try did
# For what asks the API once: kubeadm gives each answer 10 s, which a control plane that is starting may not keep.
repeated() {
  local left=$1
  shift
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    log "$1 did not get through; trying again"
    sleep 5
  done
}

# What Debian's and Ubuntu's cloud-init makes /etc/hosts from. Not manage_etc_hosts: false in /etc/cloud/cloud.cfg.d:
# a vendor's user data and vendor data overrule that.
# shellcheck disable=SC2034
HOSTS_TEMPLATE=/etc/cloud/templates/hosts.debian.tmpl

# Services whose units are no .swap and that make swap all the same: zram-tools, zram-config, dphys-swapfile, swapspace
# shellcheck disable=SC2034
SWAP_SERVICES=(zramswap.service zram-config.service dphys-swapfile.service swapspace.service)
# One file for each unit that was masked: its own text where it had stood in the mask's place, else empty
# shellcheck disable=SC2034
SWAP_RECORD=/etc/fjordkube/swap

# Packages that we held, one to a line
# shellcheck disable=SC2034
HELD_RECORD=/etc/fjordkube/held

# Firewalls of the host's own that we switched off, one to a line
# shellcheck disable=SC2034
FIREWALL_RECORD=/etc/fjordkube/firewalls

# host_firewalls   : prints the firewalls that are active beside ours, one to a line: ufw, firewalld, or a table of nft
host_firewalls() {
  local line table='' found=''
  if grep -qi '^ENABLED=yes' "$ROOT/etc/ufw/ufw.conf" 2>/dev/null && command -v ufw >/dev/null; then found+=$'ufw\n'; fi
  if command -v firewall-cmd >/dev/null && systemctl is-active --quiet firewalld; then found+=$'firewalld\n'; fi
  # their rules are tables of nft too, so these are looked at only where there is neither
  if [ -z "$found" ] && command -v nft >/dev/null; then
    while IFS= read -r line; do
      case $line in
        table*) table=${line% \{} ;;
        *'hook input'*'policy drop'*) [ "$table" = "table inet ${FIREWALL_TABLE:-fjordkube}" ] || found+="$table"$'\n' ;;
      esac
    done < <(nft list chains 2>/dev/null || true)
  fi
  printf '%s' "$found"
}

# without_block FILE   : REST is its text without the lines from `# fjordkube begin` to `# fjordkube end`
without_block() {
  local line inside=0
  REST=''
  while IFS= read -r line || [ -n "$line" ]; do
    [ "$line" != '# fjordkube begin' ] || inside=1
    [ $inside = 1 ] || REST+="$line"$'\n'
    [ "$line" != '# fjordkube end' ] || inside=0
  done <"$ROOT$1"
}

# changed WHAT   : counts and logs one thing that was put right
changed() {
  # shellcheck disable=SC2034
  CHANGED=1
  CHANGES=$((CHANGES + 1))
  log "$*"
}

# only_one SECONDS   : one script at a time per node; a script whose SSH connection was cut may still be running
only_one() {
  mkdir -p "$ROOT/run/fjordkube"
  exec 9>"$ROOT/run/fjordkube/lock"
  flock -w "$1" 9 || fail "another fjordkube script still runs on this node after $1 s: look with 'fuser /run/fjordkube/lock'"
}
