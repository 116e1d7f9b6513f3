# shellcheck shell=bash
# Takes away what artifacts.sh brought, and nothing else. Defines take_artifacts, which release.sh calls.
#
# Inputs: NODE_NAME ARTIFACTS_FOLDER ARTIFACTS_RECORD ARTIFACTS_LINKS (folders of links) ARTIFACTS_UNITS (files)
#         ARTIFACTS_INCOMING
# Guard:  a machine to which nothing was brought has no record, and is left alone. The record goes last.

take_artifacts() {
  local record=$ROOT$ARTIFACTS_RECORD name file packages=()
  [ -d "$record" ] || return 0
  for name in kubelet containerd; do
    [ ! -e "$ROOT/etc/systemd/system/$name.service" ] || systemctl disable --now "$name" || true
  done
  for name in $ARTIFACTS_LINKS; do
    for file in "$ROOT$name"/*; do
      if [ -L "$file" ] && [[ $(readlink "$file") == "$ARTIFACTS_FOLDER"/* ]]; then rm -f "$file"; fi
    done
  done
  for name in $ARTIFACTS_UNITS; do rm -f "$ROOT$name"; done
  for file in "$ROOT$REGISTRIES"/*/hosts.toml; do
    if [ -f "$file" ] && grep -q '^# Written by fjordkube' "$file"; then rm -rf "${file%/*}"; fi
  done
  rm -rf "$ROOT$ARTIFACTS_FOLDER" "$ROOT$ARTIFACTS_INCOMING"
  systemctl daemon-reload
  if [ -e "$record/containerd-is-ours" ]; then
    rm -rf "$ROOT/var/lib/containerd" "$ROOT/run/containerd"
    # a configuration of the host's own, kept beside, is put back by own_configuration
    [ -e "$ROOT/etc/containerd/config.toml$OWN" ] || rm -rf "$ROOT/etc/containerd"
  fi
  # a containerd of the host's own, which ours stood in for
  ! command -v containerd >/dev/null || systemctl start containerd || log "$NODE_NAME: its own containerd does not start"
  [ ! -s "$record/packages" ] || mapfile -t packages <"$record/packages"
  if [ ${#packages[@]} -gt 0 ]; then
    wait_for_packages 300
    DEBIAN_FRONTEND=noninteractive apt-get --quiet --quiet --yes -o DPkg::Lock::Timeout=300 purge "${packages[@]}" ||
      fail "$NODE_NAME: ${packages[*]} were not removed; apt's words are above"
  fi
  rm -rf "$record"
  log "$NODE_NAME: what was installed is gone again"
}
