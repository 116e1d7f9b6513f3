#!/bin/sh
# Brings up this guest's three interfaces: loopback, QEMU's user network (where SSH comes in), the private network.
#
# Input: /etc/fjordkube/network.env with ADDRESS, PREFIX_LENGTH and INTERFACE of the private network.
# The user network's addresses are QEMU's own and the same in every guest. Its default route matters even where
# nothing is reachable: without one the kernel answers no ARP for Calico's 169.254.1.1.
set -eu
# shellcheck source=/dev/null
. /etc/fjordkube/network.env

# one process for all: a second boot step of this unit finds the addresses in place (replace)
ip -batch - <<LINES
link set lo up
link set eth0 up
address replace 10.0.2.15/24 dev eth0
route replace default via 10.0.2.2 dev eth0
link set $INTERFACE up
address replace $ADDRESS/$PREFIX_LENGTH dev $INTERFACE
LINES
