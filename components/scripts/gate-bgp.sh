# shellcheck shell=bash
# What this node's BIRD and its kernel say about BGP and tunnels; changes nothing. bird.sh was read before.
#
# Questions: sessions  BIRD's `show protocols`; empty when BIRD does not answer
#            network   the same, all devices in detail, and BIRD's routes, each after a line `== NAME`
# Guard:     none needed.

command -v socat >/dev/null || fail "socat is missing on this node: install it"

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
