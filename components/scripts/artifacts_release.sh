# shellcheck shell=bash
# Takes away what artifacts.sh brought, and nothing else. Defines take_artifacts, which release.sh calls; STOOD_IN is 1
# where a containerd was stopped.
#
# Inputs: NODE_NAME ARTIFACTS_FOLDER ARTIFACTS_RECORD ARTIFACTS_LINKS (folders of links) ARTIFACTS_UNITS (files)
#         ARTIFACTS_BY_PODS (files that pods laid down) ARTIFACTS_INCOMING ARTIFACTS_EMPTY (folders that containerd
#         made, which go where nothing is in them)
# Guard:  a machine to which nothing was brought has no record, and is left alone. The record goes last.

STOOD_IN=0
HAPROXY=/etc/systemd/system/haproxy.service

take_artifacts() {
  local record=$ROOT$ARTIFACTS_RECORD name file packages=()
  [ -d "$record" ] || return 0
  # shellcheck disable=SC2034  # read by release.sh
  STOOD_IN=1
  for name in kubelet containerd; do
    [ ! -e "$ROOT/etc/systemd/system/$name.service" ] || take_unit "$name" || true
  done
  for name in $ARTIFACTS_LINKS; do
    for file in "$ROOT$name"/*; do
      if [ -L "$file" ] && [[ $(readlink "$file") == "$ARTIFACTS_FOLDER"/* ]]; then rm -f "$file"; fi
    done
  done
  # real files in the place of links, or beside them
  for name in $ARTIFACTS_BY_PODS; do rm -f "$ROOT$name"; done
  for name in $ARTIFACTS_UNITS; do
    rm -f "$ROOT$name"
    [ ! -e "$ROOT$name$OWN" ] || mv -f "$ROOT$name$OWN" "$ROOT$name"
  done
  for file in "$ROOT$REGISTRIES"/*/hosts.toml; do
    if [ -f "$file" ] && grep -q '^# Written by fjordkube' "$file"; then rm -rf "${file%/*}"; fi
  done
  rm -rf "$ROOT$ARTIFACTS_FOLDER" "$ROOT$ARTIFACTS_INCOMING"
  systemctl daemon-reload
  if [ -e "$record/containerd-is-ours" ]; then
    rm -rf "$ROOT/var/lib/containerd" "$ROOT/run/containerd"
    drop_empty "$ARTIFACTS_EMPTY"
    # a configuration of the host's own, kept beside, is put back by own_configuration
    [ -e "$ROOT/etc/containerd/config.toml$OWN" ] || rm -rf "$ROOT/etc/containerd"
  fi
  [ ! -s "$record/packages" ] || mapfile -t packages <"$record/packages"
  if [ ${#packages[@]} -gt 0 ]; then
    wait_for_packages 300
    DEBIAN_FRONTEND=noninteractive apt-get --quiet --quiet --yes -o DPkg::Lock::Timeout=300 purge "${packages[@]}" ||
      fail "$NODE_NAME: ${packages[*]} were not removed; apt's words are above"
  fi
  if [ -e "$record/haproxy-is-masked" ] && [ "$ROOT$HAPROXY" -ef /dev/null ]; then rm -f "$ROOT$HAPROXY"; fi
  rm -rf "$record"
  log "$NODE_NAME: what was installed is gone again"
}

drop_empty() { # FOLDERS  : those in which nothing is left
  local folder
  for folder in $1; do
    [ ! -d "$ROOT$folder" ] || rmdir --ignore-fail-on-non-empty "$ROOT$folder"
  done
}

take_unit() { # NAME  : stopped, and not started at boot any more, unless the host's own unit of that name was
  local unit=/etc/systemd/system/$1.service link
  systemctl stop "$1"
  # `systemctl disable` takes the host's own link as well, and its containerd would be dead after the next boot
  [ ! -e "$ROOT$unit$OWN" ] || return 0
  for link in "$ROOT/etc/systemd/system/"*.wants/"$1.service"; do
    [ "$(readlink "$link" 2>/dev/null)" != "$unit" ] || rm -f "$link"
  done
}
