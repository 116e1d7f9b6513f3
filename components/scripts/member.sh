# shellcheck shell=bash
# "Be a member": the same step on every control plane. Returns as soon as this node's API answers.
#
# Inputs: NODE_NAME NODE_ADDRESS API_PORT API_WAIT ETCD_DATA ETCD_DEVICE INIT_FILE (kubeadm's configuration, written
#         before this text runs) OTHERS (addresses of the other control planes, may be empty)
#         JOIN_FILE DISCOVERY_FILE ANSWER, and in memory alone: DISCOVERY, CERTIFICATE_KEY, ENCRYPTION (unset unless
#         the helper passes them); reset.sh and secrets-encryption.sh were read before
# Guard:  a member whose API answers and whose configuration is the applied one is left alone. A half-finished start
#         is completed: kubeadm keeps the keys and kubeconfigs it finds and rewrites the same manifests.
# Output: ANSWER=kubeconfig: the administrator's kubeconfig (group system:masters: it works before any RBAC object
#         exists); ANSWER=state: one JSON line, state is member, or absent when this node must join and cannot yet.
# Seen:   starting, completing and leaving alone on real machines; joining a second control plane only in tests.

KUBERNETES="$ROOT/etc/kubernetes"
MANIFESTS="$KUBERNETES/manifests"
APPLIED="$INIT_FILE.applied"
# what belongs to addons.sh: the rest of `kubeadm init`, after the API answers
REST=control-plane/controller-manager,control-plane/scheduler,wait-control-plane,upload-config,upload-certs
REST+=,mark-control-plane,bootstrap-token,kubelet-finalize,addon,show-join-command

api_answers() { # else API_SAYS is curl's reason
  API_SAYS=$(curl --silent --show-error --noproxy '*' --max-time 20 --cacert "$KUBERNETES/pki/ca.crt" \
    "https://127.0.0.1:$API_PORT/readyz" 2>&1) && [ "$API_SAYS" = ok ]
}

living_peer() { # prints the first other control plane whose API answers; its certificate is checked when it matters
  local address
  for address in $OTHERS; do
    if [ "$(curl --silent --noproxy '*' --insecure --max-time 10 "https://$address:$API_PORT/readyz")" = ok ]; then
      printf '%s' "$address"
      return 0
    fi
  done
  return 1
}

is_member() { [ -s "$MANIFESTS/kube-apiserver.yaml" ] && [ -s "$MANIFESTS/etcd.yaml" ] && [ -s "$KUBERNETES/admin.conf" ]; }

kubelet_runs() { [ -s "$ROOT/var/lib/kubelet/config.yaml" ] && systemctl is-active --quiet kubelet; }

report_start() { # evidence for whoever reads the log of a failed start
  log "--- containers"
  crictl ps --all >&2 2>/dev/null || true
  log "--- kubelet"
  journalctl --unit kubelet --lines 30 --no-pager >&2 2>/dev/null || true
}

wait_for_api() {
  local start=$SECONDS
  until api_answers; do
    # kubeadm's live for a year, and no waiting makes them longer
    [[ $API_SAYS != *'certificate has expired'* ]] || fail "$NODE_NAME: the certificate of its API ended:" \
      "'kubeadm certs renew all' there, and move $KUBERNETES/manifests away for 20 s, so that its parts start anew"
    if [ $((SECONDS - start)) -ge "$API_WAIT" ]; then
      report_start
      fail "$NODE_NAME: the API does not answer after $API_WAIT s; the kubelet's last words are above." \
        "The next 'up' goes on from here"
    fi
    sleep 1
  done
  log "$NODE_NAME: the API answers after $((SECONDS - start)) s"
}

start() { # initialise, or complete an initialisation
  local skip=$REST
  if [ -d "$ROOT$ETCD_DATA/member" ] && [ ! -s "$KUBERNETES/pki/ca.crt" ]; then
    fail "$NODE_NAME: ${ETCD_DEVICE:-$ETCD_DATA} holds the data of an earlier cluster, but its keys in" \
      "/etc/kubernetes/pki are gone: restore them to keep the data, or empty $ETCD_DATA to begin anew"
  fi
  if [ -s "$KUBERNETES/pki/ca.crt" ]; then
    # preflight has passed before there was a key, and would now stumble over what this start has left
    skip=preflight,$skip
    # a machine that lost power may have left empty files, which kubeadm refuses to read
    find "$KUBERNETES" -type f -size 0 -print -delete >&2
    log "$NODE_NAME: completing an unfinished start"
  fi
  have_encryption
  # one process for preflight, certs, kubeconfig, etcd, apiserver, kubelet-start: each start of it is dear when emulated
  runtime_answers "$API_WAIT"
  kubeadm init --config "$ROOT$INIT_FILE" --skip-token-print --skip-phases="$skip" >&2
}

join() { # beside a living control plane; the helper brought the means
  local begun line
  if [ -z "${DISCOVERY:-}" ]; then
    [ "$ANSWER" = state ] || fail "$NODE_NAME: the cluster lives at $1, and this node is the one that starts clusters:" \
      "put another control plane first in the settings, so that this one joins it"
    report absent
    exit 0
  fi
  runtime_answers "$API_WAIT"
  begun=$(find "$MANIFESTS" -name '*.yaml' 2>/dev/null || true)
  if [ -n "$begun" ]; then reset_node; fi
  receive_encryption
  mkdir -p "$ROOT/run/fjordkube"
  trap 'rm -f "$ROOT$DISCOVERY_FILE" "$ROOT/run/fjordkube/join.yaml"' EXIT
  (
    umask 077
    printf '%s' "$DISCOVERY" >"$ROOT$DISCOVERY_FILE"
    while IFS= read -r line; do
      printf '%s\n' "$line"
      [ "$line" != "controlPlane:" ] || printf '  certificateKey: %s\n' "$CERTIFICATE_KEY"
    done <"$ROOT$JOIN_FILE" >"$ROOT/run/fjordkube/join.yaml"
  )
  kubeadm join --config "$ROOT/run/fjordkube/join.yaml" >&2
}

apply_configuration() { # a member whose settings were edited: rewrite what kubeadm derives from them
  log "$NODE_NAME: applying the edited kubeadm configuration"
  have_encryption
  # a new name in certSANs needs a new certificate; kubeadm keeps the one it finds
  rm -f "$KUBERNETES/pki/apiserver.crt" "$KUBERNETES/pki/apiserver.key"
  kubeadm init phase certs apiserver --config "$ROOT$INIT_FILE" >&2
  kubeadm init phase etcd local --config "$ROOT$INIT_FILE" >&2
  kubeadm init phase control-plane apiserver --config "$ROOT$INIT_FILE" >&2
  kubeadm init phase kubelet-start --config "$ROOT$INIT_FILE" >&2
}

report() { printf '{"node":"%s","state":"%s"}\n' "$NODE_NAME" "$1"; }

only_one "$API_WAIT"
if is_member; then
  if ! cmp -s "$ROOT$INIT_FILE" "$ROOT$APPLIED" && [ -e "$ROOT$APPLIED" ]; then
    apply_configuration
  elif ! kubelet_runs; then
    # cut short between the manifests and the kubelet's start, or stopped by hand
    start
  fi
elif peer=$(living_peer); then
  join "$peer"
else
  start
fi
wait_for_api
cmp -s "$ROOT$INIT_FILE" "$ROOT$APPLIED" || cp "$ROOT$INIT_FILE" "$ROOT$APPLIED"
if [ "$ANSWER" = state ]; then
  report member
elif [ -s "$KUBERNETES/super-admin.conf" ]; then
  print_kubeconfig "$KUBERNETES/super-admin.conf"
else
  # a joined control plane has none: the cluster, and with it the RBAC of admin.conf, is older than this node
  print_kubeconfig "$KUBERNETES/admin.conf"
fi
