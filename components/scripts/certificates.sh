# shellcheck shell=bash
# Uploads the cluster's keys, encrypted, so that a joining control plane can fetch them (Secret kube-system/kubeadm-certs).
#
# Inputs: INIT_FILE LOCK_WAIT, and from the helper, in memory alone: CERTIFICATE_KEY
# Guard:  none needed: each upload replaces the one before, and the helper deletes the Secret after the join.
# Output: one JSON line.

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
kubeadm init phase upload-certs --upload-certs --skip-certificate-key-print --config "$ROOT/run/fjordkube/upload.yaml" >&2
printf '{"uploaded":true}\n'
