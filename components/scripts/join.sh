# shellcheck shell=bash
# Makes this worker a member of the cluster, or finds that it is one.
#
# Inputs: NODE_NAME JOIN_FILE DISCOVERY_FILE KUBELET_DIGEST LOCK_WAIT (reset.sh was read before)
#         from the helper, in memory alone: CLUSTER_CA (PEM), DISCOVERY (kubeconfig with a token; empty: only look),
#         REGISTERED (yes|no: whether the API knows a node of this name)
# Guard:  certificate, running kubelet, the same cluster: nothing is done. Half a join, or another cluster's: reset first.
# Output: one JSON line; state is member, or absent when only asked to look.

KUBERNETES="$ROOT/etc/kubernetes"
KUBELET="$ROOT/var/lib/kubelet"
APPLIED="$JOIN_FILE.kubelet-applied"

same_cluster() { [ -s "$KUBERNETES/pki/ca.crt" ] && [ "$(<"$KUBERNETES/pki/ca.crt")" = "$CLUSTER_CA" ]; }

is_member() {
  [ "$REGISTERED" = yes ] && [ -s "$KUBERNETES/kubelet.conf" ] && [ -s "$KUBELET/pki/kubelet-client-current.pem" ] &&
    same_cluster && systemctl is-active --quiet kubelet
}

is_begun() {
  [ -e "$KUBERNETES/kubelet.conf" ] || [ -e "$KUBERNETES/bootstrap-kubelet.conf" ] ||
    [ -e "$KUBERNETES/pki/ca.crt" ] || [ -e "$KUBELET/config.yaml" ]
}

report() { printf '{"node":"%s","state":"%s"}\n' "$NODE_NAME" "$1"; }

record() { [ "$(cat "$ROOT$APPLIED" 2>/dev/null)" = "$KUBELET_DIGEST" ] || printf '%s\n' "$KUBELET_DIGEST" >"$ROOT$APPLIED"; }

only_one "$LOCK_WAIT"
if is_member; then
  if [ -e "$ROOT$APPLIED" ] && [ "$(<"$ROOT$APPLIED")" != "$KUBELET_DIGEST" ]; then
    log "$NODE_NAME: taking over the cluster's edited kubelet configuration"
    kubeadm upgrade node phase kubelet-config >&2
    systemctl restart kubelet
  fi
  record
  log "$NODE_NAME: is a member"
  report member
elif [ -z "$DISCOVERY" ]; then
  report absent
else
  runtime_answers "$LOCK_WAIT"
  if is_begun; then reset_node; fi
  # memory alone: /run is a tmpfs, and the token's kubeconfig is gone when this shell ends, however it ends
  trap 'rm -f "$ROOT$DISCOVERY_FILE"' EXIT
  (umask 077 && printf '%s' "$DISCOVERY" >"$ROOT$DISCOVERY_FILE")
  # kubeadm makes it on control planes alone, and a kubelet that misses it looks for it, and says so, every second
  mkdir -p "$KUBERNETES/manifests"
  kubeadm join --config "$ROOT$JOIN_FILE" >&2 || {
    journalctl --unit kubelet --lines 20 --no-pager >&2 2>/dev/null || true
    fail "$NODE_NAME: kubeadm join failed; its words and the kubelet's are above. The next 'up' resets the node and joins again"
  }
  record
  report member
fi
