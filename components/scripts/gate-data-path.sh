# shellcheck shell=bash
# From this node's probe pod to another node's: large pings that must not be cut, with an eye on the wire, and HTTP.
#
# Inputs:    COUNT pings; PORT of the probe; WEB_SECONDS for a request that is allowed, DROP_SECONDS for one that is not
# Questions: wire POD PEER INTERFACE FILTER...  addresses of both pods, the private NIC, what tcpdump looks for there
#            web POD PEER
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

wire() { # POD PEER INTERFACE FILTER...
  local peer=$2 nic=$3 nic_mtu words watcher line
  find_pod "$1" || return 0
  read -r nic_mtu <"$ROOT/sys/class/net/$nic/mtu"
  printf '== pod\n%s %s\n' "$MTU" "$nic_mtu"
  # immediate mode: packets must be in the file when tcpdump is stopped, not in the kernel's ring
  exec {words}< <(exec tcpdump -i "$nic" -p -n -s 96 -U --immediate-mode -Z root -w - "${@:4}" 2>&1 >"$CAPTURE")
  watcher=$!
  while IFS= read -t 60 -r line <&"$words"; do
    [[ $line != *"listening on"* ]] || break
    log "$line"
  done
  printf '== ping\n'
  nsenter --net="$NETNS" ping -n -M "do" -c "$COUNT" -i 0.3 -W 5 -s $((MTU - 28)) "$peer" 2>&1 || true
  IFS= read -t 1 -r line <&"$words" || true # the capture may be a moment behind
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" || true
  exec {words}<&-
  printf '== capture\n'
  base64 "$CAPTURE"
}

request() { # NAME URL SECONDS [COMMAND...]  : prints HTTP status and curl's own
  local status code=0
  status=$("${@:4}" curl --silent --noproxy '*' --output /dev/null --write-out '%{http_code}' --max-time "$3" "$2") || code=$?
  printf '== %s\n%s %s\n' "$1" "${status:-000}" "$code"
}

web() { # POD PEER
  local url="http://$2:$PORT/healthz"
  find_pod "$1" || return 0
  request inside "$url" "$WEB_SECONDS" nsenter --net="$NETNS"
  request outside "$url" "$DROP_SECONDS"
}

answer() {
  case $1 in
    wire) wire "${@:2}" ;;
    web) web "${@:2}" ;;
  esac
}
