# shellcheck shell=bash
# The file by which the API server encrypts Secrets: made where a cluster starts, handed to what joins, edited as a whole.
#
# Inputs: SECRETS_ENCRYPTION_FILE SECRETS_KEY (number of the key that a new cluster encrypts with; 0: in the clear)
#         ETCD_DATA; RUN=yes runs what ACTION says, else functions are defined and nothing is done (member.sh)
#         from the helper, in memory alone: ENCRYPTION (the file, base64), ACTION
#         show    prints the file of this control plane
#         write   makes ENCRYPTION the file, and waits until the API server has read it (API_PORT API_WAIT; for this,
#                 control-plane.sh was read before)
# Guard:  a file that is there is never made anew: what its keys have encrypted could not be read any more.
# Output: one JSON line, with the file as base64, which goes to the helper's memory and no further.
#
# kubeadm shows the API server the whole folder, and a reset empties it: a key goes with the cluster's other keys.

ENCRYPTED_BY="$ROOT$SECRETS_ENCRYPTION_FILE"
READER="$ROOT/run/fjordkube/reader.pem"
API_MANIFEST="$ROOT/etc/kubernetes/manifests/kube-apiserver.yaml"

place_encryption() { # <content  : whole or not at all, also where power goes
  mkdir -p "${ENCRYPTED_BY%/*}"
  (umask 077 && cat >"$ENCRYPTED_BY.next")
  sync "$ENCRYPTED_BY.next"
  mv -f "$ENCRYPTED_BY.next" "$ENCRYPTED_BY"
}

composed() { # NUMBER KEY
  printf '%s\n' 'apiVersion: apiserver.config.k8s.io/v1' 'kind: EncryptionConfiguration' 'resources:' \
    '- resources: [secrets]' '  providers:'
  # helpers/secrets_encryption.py reads these lines, and CIS 1.2.28 the one after "providers:"
  [ "$1" = 0 ] || printf '%s\n' '  - secretbox:' '      keys:' "      - name: key$1" "        secret: $2"
  printf '%s\n' '  - identity: {}'
}

have_encryption() { # before the API server's manifest is written, and before it is written anew
  local key=''
  [ ! -s "$ENCRYPTED_BY" ] || return 0
  if [ -s "$API_MANIFEST" ]; then
    ! grep -q -- "$SECRETS_ENCRYPTION_FILE" "$API_MANIFEST" || lost_encryption
    # a control plane of before there was such a file; the helper turns encryption on when all of them have one
    composed 0 | place_encryption
  elif [ -d "$ROOT$ETCD_DATA/member" ]; then
    lost_encryption
  else
    # openssl's output never stands in an argument: printf is bash's own
    [ "$SECRETS_KEY" = 0 ] || key=$(openssl rand -base64 32)
    composed "$SECRETS_KEY" "$key" | place_encryption
    log "made $ENCRYPTED_BY"
  fi
}

lost_encryption() {
  fail "${NODE_NAME:-this node}: $SECRETS_ENCRYPTION_FILE is gone, and etcd may hold Secrets that only its keys can" \
    "read: restore it, from another control plane or a copy of /etc/kubernetes/pki"
}

receive_encryption() { # a control plane that joins, before its API server starts
  [ -n "${ENCRYPTION:-}" ] || fail "${NODE_NAME:-this node}: the keys of Secrets were not brought by the one that lives"
  base64 --decode <<<"$ENCRYPTION" | place_encryption
}

show_encryption() { # as a JSON field
  local text=''
  [ ! -s "$ENCRYPTED_BY" ] || text=$(base64 -w0 <"$ENCRYPTED_BY")
  printf '"encryption":"%s"' "$text"
}

# The API server looks once a minute, and tells the digest of what it has read (its configuration may also be new:
# then it reads the file at its start)
is_read() {
  local sum
  sum=$(sha256sum "$ENCRYPTED_BY")
  curl --silent --noproxy '*' --max-time 60 --cacert "$ROOT/etc/kubernetes/pki/ca.crt" --cert "$READER" \
    "https://127.0.0.1:$API_PORT/metrics" |
    grep "^apiserver_encryption_config_controller_last_config_info{" | grep -q "sha256:${sum%% *}"
}

write_encryption() {
  local start=$SECONDS
  only_one "$API_WAIT"
  [ -s "$ENCRYPTED_BY" ] || fail "this control plane has no $SECRETS_ENCRYPTION_FILE yet: its membership makes it"
  # a run that was cut off may have written it already
  [ "$(base64 -w0 <"$ENCRYPTED_BY")" = "$ENCRYPTION" ] || base64 --decode <<<"$ENCRYPTION" | place_encryption
  trap 'rm -f "$READER"' EXIT
  write_identity "$READER"
  until is_read; do
    [ $((SECONDS - start)) -lt $((API_WAIT + 120)) ] ||
      fail "the API server has not read $SECRETS_ENCRYPTION_FILE after $((SECONDS - start)) s:" \
        "'crictl logs' of kube-apiserver there tells why; the next 'up' goes on from here"
    sleep 10
  done
  printf '{"read":true}\n'
}

if [ "${RUN:-}" = yes ]; then
  case $ACTION in
    show) printf '{%s}\n' "$(show_encryption)" ;;
    write) write_encryption ;;
    *) fail "no ACTION $ACTION" ;;
  esac
fi
