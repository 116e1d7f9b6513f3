# shellcheck shell=bash
# The rest of `kubeadm init`, in two stages, on one control plane of the cluster.
#
# Inputs: STAGE  joinable: controller manager, scheduler, uploaded configuration, this node's labels, RBAC for joins
#                addons: kube-proxy, CoreDNS, the kubelet's own certificate rotation
#         NODE_NAME API_PORT INIT_FILE JOINABLE_DIGEST ADDONS_DIGEST (of what the stage renders) LOCK_WAIT
#         NODE_ANNOTATIONS  JSON: what the network wants to find on this node (control-plane.sh was read before)
# Guard:  the cluster itself: the objects of the stage are there, and the annotation fjordkube/applied on its ConfigMap
#         carries the digest. It is written last, so a stage cut short is run again; kubeadm's phases allow that.
# Output: joinable: one JSON line; addons: admin.conf, the kubeconfig for people (group kubeadm:cluster-admins).

API="https://127.0.0.1:$API_PORT"
SYSTEM=/api/v1/namespaces/kube-system
RBAC=/apis/rbac.authorization.k8s.io/v1
BEFORE=preflight,certs,kubeconfig,etcd,control-plane/apiserver,kubelet-start,wait-control-plane,upload-certs

IDENTITY="$ROOT/run/fjordkube/identity.pem"

api() { curl --silent --noproxy '*' --max-time 60 --cacert "$KUBERNETES/pki/ca.crt" --cert "$IDENTITY" "$@"; }

applied() { # CONFIGMAP  : prints its digest, "none" without one, "absent" when this API has no such ConfigMap
  local body code attempt
  for attempt in 1 2 3 4 5; do
    body=$(api --write-out $'\n%{http_code}' "$API$SYSTEM/configmaps/$1") && break
    # not "absent": that would hide that running kube-proxies must be restarted
    [ "$attempt" != 5 ] || fail "$NODE_NAME: its API stopped answering; look at 'crictl ps -a' there"
    sleep 3
  done
  code=${body##*$'\n'}
  if [ "$code" != 200 ]; then
    printf 'absent'
  elif [[ $body =~ \"fjordkube/applied\":\ ?\"([0-9a-f]+)\" ]]; then
    printf '%s' "${BASH_REMATCH[1]}"
  else
    printf 'none'
  fi
}

all_there() { # PATH...  : one connection for all
  local path codes arguments=()
  for path in "$@"; do arguments+=(--output /dev/null "$API$path"); done
  codes=$(api --write-out '%{http_code} ' "${arguments[@]}") || return 1
  for path in $codes; do [ "$path" = 200 ] || return 1; done
}

patch() { # PATH JSON
  local code
  code=$(api --request PATCH --header 'Content-Type: application/merge-patch+json' --data "$2" \
    --output /dev/null --write-out '%{http_code}' "$API$1")
  [ "$code" = 200 ] || fail "$NODE_NAME: the API answers $code to a patch of $1"
}

annotate() { # CONFIGMAP DIGEST
  patch "$SYSTEM/configmaps/$1" "{\"metadata\":{\"annotations\":{\"fjordkube/applied\":\"$2\"}}}"
}

is_joinable() {
  [ -s "$KUBERNETES/manifests/kube-controller-manager.yaml" ] && [ -s "$KUBERNETES/manifests/kube-scheduler.yaml" ] &&
    [ "$(applied kubeadm-config)" = "$JOINABLE_DIGEST" ] &&
    all_there "$SYSTEM/configmaps/kubelet-config" /api/v1/namespaces/kube-public/configmaps/cluster-info \
      "$RBAC/clusterrolebindings/kubeadm:cluster-admins" "$RBAC/clusterrolebindings/kubeadm:kubelet-bootstrap" \
      "$RBAC/clusterrolebindings/kubeadm:node-autoapprove-bootstrap"
}

joinable() {
  if is_joinable; then
    log "$NODE_NAME: nodes can join already"
  else
    # the manifests come first within this one process: both start while the rest is uploaded
    repeated 5 kubeadm init --config "$ROOT$INIT_FILE" --skip-token-print \
      --skip-phases="$BEFORE,kubelet-finalize,addon,show-join-command" >&2
    patch "/api/v1/nodes/$NODE_NAME" "{\"metadata\":{\"annotations\":$NODE_ANNOTATIONS}}"
    annotate kubeadm-config "$JOINABLE_DIGEST"
    log "$NODE_NAME: nodes can join"
  fi
  printf '{"node":"%s","joinable":true}\n' "$NODE_NAME"
}

rotates() { grep -q kubelet-client-current.pem "$KUBERNETES/kubelet.conf"; }

addons() {
  local before
  before=$(applied kube-proxy)
  if [ "$before" = "$ADDONS_DIGEST" ] && rotates &&
    all_there /apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy \
      /apis/apps/v1/namespaces/kube-system/deployments/coredns; then
    log "$NODE_NAME: kube-proxy and CoreDNS are there already"
  else
    local skip="$BEFORE,control-plane,upload-config,mark-control-plane,bootstrap-token,show-join-command"
    if rotates; then skip+=,kubelet-finalize; fi # it would restart the kubelet for nothing
    repeated 5 kubeadm init --config "$ROOT$INIT_FILE" --skip-token-print --skip-phases="$skip" >&2
    if [ "$before" != absent ]; then
      # running kube-proxies read their ConfigMap only at start
      patch /apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy \
        "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"fjordkube/applied\":\"$ADDONS_DIGEST\"}}}}}"
      log "$NODE_NAME: kube-proxy restarts with its new configuration, node by node"
    fi
    annotate kube-proxy "$ADDONS_DIGEST"
  fi
  print_kubeconfig "$KUBERNETES/admin.conf"
}

only_one "$LOCK_WAIT"
trap 'rm -f "$IDENTITY"' EXIT
write_identity "$IDENTITY"
case $STAGE in
  joinable) joinable ;;
  addons) addons ;;
  *) fail "no stage $STAGE" ;;
esac
