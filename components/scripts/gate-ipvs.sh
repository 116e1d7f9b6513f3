# shellcheck shell=bash
# The kernel's IPVS table of this node; changes nothing.
#
# Questions: table
# Guard:     none needed.

command -v ipvsadm >/dev/null || fail "ipvsadm is missing on this node: install it"

answer() {
  case $1 in
    table) ipvsadm -Ln 2>&1 || true ;; # without the module: a message instead, and that is the answer
  esac
}
