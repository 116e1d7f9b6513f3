# shellcheck shell=bash
# "Be a member": the same step on every control plane. Returns when this node's API answers.
#
# Inputs: NODE_NAME API_PORT API_WAIT ETCD_DATA ETCD_DEVICE INIT_FILE (kubeadm's configuration, written before this text
#         runs) JOIN_FILE DISCOVERY_FILE (reset.sh, control-plane.sh and secrets-encryption.sh were read
#         before)
#         from the helper, in memory alone: MAY and, to join, DISCOVERY, CERTIFICATE_KEY, ENCRYPTION
#         MAY=look   says what this node is, and keeps a member as its settings are
#         MAY=wait   the same, and waits for a member's API that is silent
#         MAY=start  starts the cluster, or completes a start; MAY=join joins it: the helper has asked all others
# Guard:  a member whose API answers and whose configuration is the applied one is left alone. A half-finished start
#         is completed: kubeadm keeps the keys and kubeconfigs it finds and rewrites the same manifests.
# Output: one JSON line; state is member (with the administrator's kubeconfig, base64), silent (a member whose API is
#         not ready), begun or absent.

APPLIED="$INIT_FILE.applied"
# what belongs to addons.sh: the rest of `kubeadm init`, after the API answers
REST=control-plane/controller-manager,control-plane/scheduler,wait-control-plane,upload-config,upload-certs
REST+=,mark-control-plane,bootstrap-token,kubelet-finalize,addon,show-join-command

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
  rm -f "$JOINING"
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
  local line
  runtime_answers "$API_WAIT"
  [ "$(state_here)" = absent ] || reset_node
  if [ -d "$ROOT$ETCD_DATA/member" ]; then
    # of a member that the cluster has forgotten, if nobody has mistaken the disk
    rm -rf "$ROOT$ETCD_DATA.before-join"
    mv "$ROOT$ETCD_DATA" "$ROOT$ETCD_DATA.before-join"
    log "$NODE_NAME: kept etcd's data of before as $ETCD_DATA.before-join"
  fi
  receive_encryption
  mkdir -p "$ROOT/run/fjordkube" "${JOINING%/*}"
  : >"$JOINING"
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
  rm -f "$JOINING"
}

apply_configuration() { # a member whose settings were edited: rewrite what kubeadm derives from them
  log "$NODE_NAME: applying the edited kubeadm configuration"
  have_encryption
  # a new name in certSANs needs a new certificate; kubeadm keeps the one it finds
  rm -f "$KUBERNETES/pki/apiserver.crt" "$KUBERNETES/pki/apiserver.key"
  kubeadm init phase certs apiserver --config "$ROOT$INIT_FILE" >&2
  kubeadm init phase etcd local --config "$ROOT$INIT_FILE" >&2
  # all three: whether controller manager and scheduler elect a leader follows from the number of control planes
  kubeadm init phase control-plane all --config "$ROOT$INIT_FILE" >&2
  kubeadm init phase kubelet-start --config "$ROOT$INIT_FILE" >&2
}

report() { # STATE
  printf '{"node":"%s","state":"%s"' "$NODE_NAME" "$1"
  [ "$1" != member ] || printf ',"kubeconfig":"%s"' "$(base64 -w0 <"$(administrator)")"
  printf '}\n'
}

keep() { # a member as its settings are
  if ! cmp -s "$ROOT$INIT_FILE" "$ROOT$APPLIED" && [ -e "$ROOT$APPLIED" ]; then
    apply_configuration
  elif ! kubelet_runs; then
    # cut short between the manifests and the kubelet's start, or stopped by hand
    start
  fi
}

only_one "$API_WAIT"
here=$(state_here)
case $MAY in
  look)
    if [ "$here" != member ]; then
      report "$here"
      exit 0
    elif ! api_answers && kubelet_runs; then
      report silent
      exit 0
    fi
    keep
    ;;
  wait) keep ;;
  start) if [ "$here" = member ]; then keep; else start; fi ;;
  join) join ;;
  *) fail "no MAY $MAY" ;;
esac
wait_for_api
cmp -s "$ROOT$INIT_FILE" "$ROOT$APPLIED" || cp "$ROOT$INIT_FILE" "$ROOT$APPLIED"
report member
