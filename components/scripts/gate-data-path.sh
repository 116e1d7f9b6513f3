# shellcheck shell=bash
# From this node's probe pod to another node's: large pings that must not be cut, with an eye on the wire, and HTTP.
#
# Inputs:    COUNT pings; PORT of the probe; WEB_SECONDS for a request that is allowed, DROP_SECONDS for one that is not
# Questions: measure POD PEER INTERFACE FILTER...  addresses of both pods, the private NIC, what tcpdump looks for there
# Guard:     none needed: what is captured lies in /run and is gone when this shell ends.
# Output:    parts, each after a line `== NAME`; no part at all when this node does not know the pod.

CAPTURE="$ROOT/run/fjordkube/gate-$$.pcap" # by this name, because AppArmor's profile lets tcpdump write *.pcap

for program in nsenter ping tcpdump base64 curl; do
  command -v "$program" >/dev/null || fail "$program is missing on this node: install it"
done
[ -d "${CAPTURE%/*}" ] || mkdir -p "${CAPTURE%/*}"
trap 'rm -f "$CAPTURE"' EXIT

find_pod() { # ADDRESS  : sets NETNS and MTU; the pod's own view of its address is the proof
  local line file seen files=("$ROOT"/run/netns/*)
  line=$(ip -4 -o route get "$1" 2>/dev/null) || return 1
  [[ $line =~ \ dev\ (cali[^ ]+) ]] || return 1
  line=$(ip -o link show dev "${BASH_REMATCH[1]}" 2>/dev/null) || return 1
  # the kernel knows the other end's namespace by a number, for which ip finds the name; if not, all are tried
  if [[ $line =~ link-netns\ ([^ ]+) ]]; then files=("$ROOT/run/netns/${BASH_REMATCH[1]}"); fi
  for file in "${files[@]}"; do
    seen=$(nsenter --net="$file" ip -4 addr show dev eth0 2>/dev/null) || continue
    if [[ $seen == *"inet $1/"* && $seen =~ mtu\ ([0-9]+) ]]; then
      NETNS=$file MTU=${BASH_REMATCH[1]}
      return 0
    fi
  done
  return 1
}

wire() { # PEER INTERFACE FILTER...  : fails when no ping came back
  local peer=$1 nic=$2 nic_mtu words watcher line code=0
  read -r nic_mtu <"$ROOT/sys/class/net/$nic/mtu"
  printf '== pod\n%s %s\n' "$MTU" "$nic_mtu"
  # immediate mode: packets must be in the file when tcpdump is stopped, not in the kernel's ring
  exec {words}< <(exec tcpdump -i "$nic" -p -n -s 96 -U --immediate-mode -Z root -w - "${@:3}" 2>&1 >"$CAPTURE")
  watcher=$!
  while IFS= read -t 60 -r line <&"$words"; do
    [[ $line != *"listening on"* ]] || break
    log "$line"
  done
  printf '== ping\n'
  nsenter --net="$NETNS" ping -n -M "do" -c "$COUNT" -i 0.3 -W 5 -s $((MTU - 28)) "$peer" 2>&1 || code=$?
  IFS= read -t 1 -r line <&"$words" || true # the capture may be a moment behind
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" || true
  exec {words}<&-
  printf '== capture\n'
  base64 "$CAPTURE"
  return $code
}

request() { # NAME URL SECONDS [COMMAND...]  : prints HTTP status and curl's own
  local status code=0
  status=$("${@:4}" curl --silent --noproxy '*' --output /dev/null --write-out '%{http_code}' --max-time "$3" "$2") || code=$?
  printf '== %s\n%s %s\n' "$1" "${status:-000}" "$code"
}

measure() { # POD PEER INTERFACE FILTER...
  local url="http://$2:$PORT/healthz" outside asker text
  find_pod "$1" || return 0
  # what the policy drops takes its whole time: the rest is measured meanwhile
  exec {outside}< <(request outside "$url" "$DROP_SECONDS")
  asker=$!
  if wire "${@:2}"; then
    request inside "$url" "$WEB_SECONDS" nsenter --net="$NETNS"
    IFS= read -r -d '' text <&"$outside" || true
    printf '%s' "$text"
  else
    kill "$asker" 2>/dev/null || true
  fi
  exec {outside}<&-
}

answer() {
  case $1 in
    measure) measure "${@:2}" ;;
  esac
}
