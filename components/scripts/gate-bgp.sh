# shellcheck shell=bash
# What this node's BIRD and its kernel say about BGP and tunnels; changes nothing.
#
# Questions: sessions  BIRD's `show protocols`; empty when BIRD does not answer
#            network   the same, all devices in detail, and BIRD's routes, each after a line `== NAME`
# Guard:     none needed.

SOCKET="$ROOT/var/run/calico/bird.ctl"

command -v socat >/dev/null || fail "socat is missing on this node: install it"

sessions() {
  local line to from
  [ -e "$SOCKET" ] || return 0
  # a coprocess, because BIRD drops questions whose asker has closed its end already
  coproc BIRD { exec socat -t 5 - "UNIX-CONNECT:$SOCKET" 2>/dev/null; }
  to=${BIRD[1]:-} from=${BIRD[0]:-} # unset as soon as bash has seen it end
  if [ -n "$to" ] && printf 'show protocols\n' >&"$to"; then
    while IFS= read -t 30 -r line <&"$from"; do
      printf '%s\n' "$line"
      [[ $line != 0000* ]] || break
    done
  fi
  [ -z "$to" ] || exec {to}>&-
  wait "$!" || true
}

answer() {
  case $1 in
    sessions) sessions ;;
    network)
      printf '== sessions\n'
      sessions
      printf '== links\n'
      ip -d -o link show
      printf '== routes\n'
      ip -4 route show proto 12 # BIRD; by number, because names are a file that may be missing
      ;;
  esac
}
