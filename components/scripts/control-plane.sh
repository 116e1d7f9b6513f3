# shellcheck shell=bash
# What a machine has of a control plane. Functions alone.
#
# Inputs: API_PORT INIT_FILE

KUBERNETES="$ROOT/etc/kubernetes"
MANIFESTS="$KUBERNETES/manifests"
# There while a join is at work: kubeadm writes all of a member's files before etcd has admitted it
JOINING="$ROOT$INIT_FILE.joining"

api_answers() { # else API_SAYS is curl's reason
  API_SAYS=$(curl --silent --show-error --noproxy '*' --max-time 20 --cacert "$KUBERNETES/pki/ca.crt" \
    "https://127.0.0.1:$API_PORT/readyz" 2>&1) && [ "$API_SAYS" = ok ]
}

state_here() { # prints member, begun (half a start or join) or absent
  if [ ! -e "$JOINING" ] && [ -s "$MANIFESTS/kube-apiserver.yaml" ] && [ -s "$MANIFESTS/etcd.yaml" ] &&
    [ -s "$KUBERNETES/admin.conf" ]; then
    printf member
  elif [ -e "$KUBERNETES/pki/ca.crt" ] || [ -e "$KUBERNETES/kubelet.conf" ]; then
    printf begun
  else
    printf absent
  fi
}

administrator() { # prints the kubeconfig that works before any RBAC object exists; a joined control plane has none
  if [ -s "$KUBERNETES/super-admin.conf" ]; then
    printf '%s' "$KUBERNETES/super-admin.conf"
  else
    printf '%s' "$KUBERNETES/admin.conf"
  fi
}

write_identity() { # FILE  : the administrator's certificate and key, for curl; below /run, which is memory alone
  local line
  (
    umask 077
    while IFS= read -r line; do
      case $line in
        *client-certificate-data:* | *client-key-data:*) base64 --decode <<<"${line##*: }" ;;
      esac
    done <"$(administrator)" >"$1"
  )
}
