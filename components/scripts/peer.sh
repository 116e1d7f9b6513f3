# shellcheck shell=bash
# What a control plane tells another one's membership, and does for it. The same text for each.
#
# Inputs: API_PORT INIT_FILE LOCK_WAIT (control-plane.sh and secrets-encryption.sh were read before)
#         from the helper, in memory alone: ACTION
#         look    what this control plane is
#         forget  takes etcd's member MEMBER (its decimal ID) out
#         keys    uploads the cluster's keys, encrypted with CERTIFICATE_KEY, so that a joining control plane can fetch
#                 them (Secret kube-system/kubeadm-certs); the helper deletes it after the join. Prints the keys of Secrets,
#                 which kubeadm does not carry
# Output: one JSON line. Of look: state (member, begun, absent), answers (whether its API is ready), and of a member
#         that answers etcd's members as its own API lists them and the administrator's kubeconfig (base64).

etcd() { # PATH JSON  : etcd's JSON gateway (api/etcdserverpb/rpc.proto), since nodes have no etcdctl
  curl --silent --show-error --fail --noproxy '*' --max-time 20 --cacert "$KUBERNETES/pki/etcd/ca.crt" \
    --cert "$KUBERNETES/pki/apiserver-etcd-client.crt" --key "$KUBERNETES/pki/apiserver-etcd-client.key" \
    --data "$2" "https://127.0.0.1:2379/v3/cluster/member/$1"
}

look() {
  local state members
  state=$(state_here)
  if [ "$state" = member ] && api_answers && members=$(etcd list '{}'); then
    printf '{"state":"member","answers":true,"etcd":%s,"kubeconfig":"%s"}\n' \
      "$members" "$(base64 -w0 <"$(administrator)")"
  else
    printf '{"state":"%s","answers":false}\n' "$state"
  fi
}

keys() {
  local line
  only_one "$LOCK_WAIT"
  trap 'rm -f "$ROOT/run/fjordkube/upload.yaml"' EXIT
  (
    umask 077
    while IFS= read -r line; do
      printf '%s\n' "$line"
      # in a file and not as an option: options show in the process list
      [ "$line" != "kind: InitConfiguration" ] || printf 'certificateKey: %s\n' "$CERTIFICATE_KEY"
    done <"$ROOT$INIT_FILE" >"$ROOT/run/fjordkube/upload.yaml"
  )
  kubeadm init phase upload-certs --upload-certs --skip-certificate-key-print \
    --config "$ROOT/run/fjordkube/upload.yaml" >&2
  printf '{"uploaded":true,%s}\n' "$(show_encryption)"
}

case $ACTION in
  look) look ;;
  forget)
    etcd remove "{\"ID\":\"$MEMBER\"}" >&2
    printf '{"forgotten":true}\n'
    ;;
  keys) keys ;;
  *) fail "no ACTION $ACTION" ;;
esac
