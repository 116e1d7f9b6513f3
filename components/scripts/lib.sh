# shellcheck shell=bash
# Functions every node script may use. Read first by components/remote.py; never run alone.
# Conventions: data on stdout, log on stderr, waits bounded, values arrive as quoted assignments.

CHANGED=0
CHANGES=0
# The tests' fake machine; empty on a real one.
# shellcheck disable=SC2034  # read by the scripts that follow
ROOT=${FJORDKUBE_ROOT:-}

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
  (umask 077 && printf '%s' "$next" >"$path.next")
  chmod "$mode" "$path.next"
  mv -f "$path.next" "$path"
  # shellcheck disable=SC2034  # read by the script that follows
  CHANGED=1
  CHANGES=$((CHANGES + 1))
  log "wrote $path"
}

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
# kubeadm's preflight asks it once
runtime_answers() { until_true "$1" "$NODE_NAME: an answer of the container runtime (journalctl --unit containerd tells why)" crictl version; }

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
