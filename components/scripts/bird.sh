# shellcheck shell=bash
# What this node's BIRD says of its sessions, over its control socket; read before gate-bgp.sh and health.sh.
#
# Guard:  none needed: it asks and changes nothing.

SOCKET="$ROOT/var/run/calico/bird.ctl"

sessions() { # prints BIRD's `show protocols`; nothing where BIRD does not answer
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
