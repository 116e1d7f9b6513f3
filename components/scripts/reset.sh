# shellcheck shell=bash
# Takes this machine out of whatever cluster it was in. Defines reset_node; runs it when RESET=now.
#
# Guard:  each part asks whether there is something to remove. Leaves the host's preparation (modules, sysctls,
#         containerd) and images alone. What `kubeadm reset` leaves behind is named in its own closing words:
#         CNI configuration, IPVS tables, packet filter rules, links, routes, sets.

RUNTIME_WAIT=60 # seconds; a runtime that hangs must not keep a machine from being given back

reset_node() {
  local link sets
  log "resetting this node"
  # kubeadm asks the runtime once, and without an answer leaves the cluster's containers running
  case $(systemctl is-active containerd 2>/dev/null || true) in
    active | activating)
      wait_for_runtime "$RUNTIME_WAIT" || log "the container runtime does not answer after $RUNTIME_WAIT s; going on"
      ;;
  esac
  kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock ||
    log "kubeadm reset reported problems; going on"
  rm -rf "$ROOT/etc/cni/net.d" "$ROOT/var/lib/cni" "$ROOT/var/lib/calico" "$ROOT/var/run/calico"
  mkdir -p "$ROOT/etc/cni/net.d"
  if command -v ipvsadm >/dev/null && [ -d "$ROOT/sys/module/ip_vs" ]; then ipvsadm --clear; fi
  for link in kube-ipvs0 nodelocaldns vxlan.calico cni0; do
    if [ -d "$ROOT/sys/class/net/$link" ]; then ip link delete "$link"; fi
  done
  for link in "$ROOT"/sys/class/net/cali*; do
    if [ -d "$link" ]; then ip link delete "${link##*/}"; fi
  done
  # routes to other nodes' pods, which outlive Calico's BIRD (protocol 12) and Felix (80)
  for link in 12 80; do ip -4 route flush proto "$link" 2>/dev/null || true; done
  # only rules of kube-proxy and Calico: the host's own firewall stays
  for link in iptables ip6tables; do
    if command -v "$link-save" >/dev/null; then
      "$link-save" | grep -Ev 'KUBE-|cali-|cali:' | "$link-restore" || log "$link: rules of the cluster may be left"
    fi
  done
  if command -v ipset >/dev/null; then
    # once no rule names them any more
    sets=$(ipset list -n 2>/dev/null | grep -E '^(KUBE-|cali[46])' || true)
    for link in $sets; do ipset destroy "$link" 2>/dev/null || log "the set $link is still in use"; done
  fi
  if command -v nft >/dev/null; then
    for link in ip ip6; do nft delete table "$link" kube-proxy 2>/dev/null || true; done
  fi
} >&2

if [ "${RESET:-}" = now ]; then
  reset_node
  printf '{"reset":true}\n'
fi
