# shellcheck shell=bash
# Lays down what a node needs: packages of its distribution, programs, container images. One path for whatever brings
# them: have it? else get it, verify, unpack beside, switch by rename.
#
# Inputs: STEP       have: says what is missing, and changes nothing
#                    receive: takes bytes from stdin, as RECEIVE says
#                    choose: says which of the packages in INCOMING/packages apt would install
#                    install: gets what did not come by `receive`, verifies and installs all
#         NODE_NAME FOLDER (versions side by side) INCOMING (folder of what is on its way) RECORD (folder of what was
#         added here) PROGRAMS (lines "program package") UNITS (lines "path mode" of the files that UNIT_0, UNIT_1 ... hold)
#         FILES      lines "name component version kind strip links sha256 size url"
#         IMAGES     lines "reference digest sha256 size"; digest or sha256 may be -
#         RELEASE    distribution and release whose packages lie in INCOMING/packages; empty: the host's own sources
#         RECEIVE    lines "name size offset", relative to INCOMING
#         PROXY      for downloads alone; may be empty
#         MIRROR     registry that stands in for those of MIRRORED; may be empty. MIRROR_CA (PEM) and MIRROR_LOGIN (secret,
#                    user:password in base64) may be empty. MIRROR_FILES: address below which it has files
# Guard:  what lies there with the right checksum is left alone; a second run transfers nothing.
# Output: one JSON line; of `receive` none.

# shellcheck disable=SC2153  # values that arrive as assignments

# --- what is there ---

system_release() { # e.g. debian-13; a distribution's testing has no number
  local key value id='' version=''
  while IFS='=' read -r key value || [ -n "$key" ]; do
    value=${value#[\"\']} value=${value%[\"\']}
    case $key in
      ID) id=$value ;;
      VERSION_ID) version=$value ;;
    esac
  done <"$ROOT/etc/os-release"
  printf '%s' "$id-${version:-testing}"
}

mark_of() { # NAME COMPONENT VERSION  : the file that holds the checksum of what was unpacked
  printf '%s' "$ROOT$FOLDER/$2/$3/.$1.sha256"
}

is_installed() { # NAME COMPONENT VERSION SHA256
  local mark found=''
  mark=$(mark_of "$1" "$2" "$3")
  [ -r "$mark" ] && IFS= read -r found <"$mark"
  [ "$found" = "$4" ]
}

RESTART=0
DOWNLOAD_TRIES=5

bytes_of() { # FILE  : its size; 0 where it is not
  stat -c %s "$1" 2>/dev/null || printf '0'
}

programs_missing() { # prints the packages of programs that are not there
  local program package
  while read -r program package; do
    [ -z "$program" ] || command -v "$program" >/dev/null || printf '%s\n' "$package"
  done <<<"$PROGRAMS" | sort -u
}

images_there() { # lines "reference digest"; none where containerd does not run
  local reference digest
  ctr --timeout 60s --namespace k8s.io images list 2>/dev/null |
    while read -r reference _ digest _; do
      [ "$reference" = REF ] || printf '%s %s\n' "$reference" "$digest"
    done || true
}

containerd_rests() { [ "$(systemctl is-active containerd 2>/dev/null || true)" != activating ]; }

is_listed() { # THERE REFERENCE DIGEST  : THERE has a line end before and after each line; any digest does for -
  local found=${1##*$'\n'"$2 "}
  [ "$found" != "$1" ] || return 1
  found=${found%%$'\n'*}
  [ "$3" = - ] || [ "$found" = "$3" ] || grep -qxF "$3 $found" "$ROOT$RECORD/indexes" 2>/dev/null
}

have() {
  local name component version sha256 reference digest there files='' images='' packages free
  while read -r name component version _ _ _ sha256 _ _; do
    [ -n "$name" ] || continue
    is_installed "$name" "$component" "$version" "$sha256" ||
      files+="\"$sha256\":$(bytes_of "$ROOT$INCOMING/$sha256"),"
  done <<<"$FILES"
  # one that still starts has its images, and would be sent all of them again
  until_true 300 "$NODE_NAME: the end of containerd's start (journalctl --unit containerd tells why)" containerd_rests
  there=$'\n'$(images_there)$'\n'
  while read -r reference digest sha256 _; do
    [ -n "$reference" ] || continue
    ! is_listed "$there" "$reference" "$digest" || continue
    images+="\"$reference\":$(bytes_of "$ROOT$INCOMING/$sha256"),"
  done <<<"$IMAGES"
  packages=$(programs_missing)
  free=$(df -Pk "$ROOT/var/lib" | { read -r _ && read -r _ _ _ free _ && printf '%s' "$free"; })
  printf '{"architecture":"%s","release":"%s","free_kib":%d,"files":{%s},"images":{%s},"packages":"%s"}\n' \
    "$(uname -m)" "$(system_release)" "$free" "${files%,}" "${images%,}" "${packages//$'\n'/ }"
}

# --- what comes over this connection ---

receive() {
  local name size offset path
  exec 3<&0
  while read -r name size offset; do
    [ -n "$name" ] || continue
    path="$ROOT$INCOMING/$name"
    mkdir -p "${path%/*}"
    # from the beginning: what an earlier run left of it is not gone on with
    [ "$offset" != 0 ] || : >"$path"
    [ "$(bytes_of "$path")" = "$offset" ] || fail "$NODE_NAME: $name has grown meanwhile: another run is at work here"
    # whole: head takes not a byte more from the stream than it was told
    head -c $((size - offset)) <&3 >>"$path" || fail "$NODE_NAME: $path cannot be written: is the disk full?"
    [ "$(bytes_of "$path")" = "$size" ] || fail "$NODE_NAME: $name ended early"
  done <<<"$RECEIVE"
}

# --- packages ---

package_options() { # fills OPTIONS
  local list="$ROOT$INCOMING/packages.list"
  OPTIONS=(-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --quiet --quiet --yes --no-install-recommends)
  if [ -n "$RELEASE" ]; then
    # a folder of this bundle's packages is the only source, with an index of its own beside the host's
    printf 'deb [trusted=yes] file:%s ./\n' "$ROOT$INCOMING/packages" >"$list"
    mkdir -p "$ROOT$INCOMING/lists/partial"
    OPTIONS+=(-o "Dir::Etc::SourceList=$list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$ROOT$INCOMING/lists")
    # the host's own caches know nothing of it
    OPTIONS+=(-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
  elif [ -n "$PROXY" ]; then
    OPTIONS+=(-o "Acquire::http::Proxy=$PROXY" -o "Acquire::https::Proxy=$PROXY")
  fi
}

choose() { # what apt would take of the index alone: the packages themselves are not there yet
  local packages=() line chosen='' name
  mapfile -t packages < <(programs_missing)
  package_options
  apt "${OPTIONS[@]}" update
  while IFS= read -r line; do
    [[ $line == "'"* ]] || continue
    name=${line#"'"}
    name=${name%%"'"*}
    name=${name##*/}
    printf -v name '%b' "${name//%/\\x}"
    chosen+="\"$name\","
  done < <(apt "${OPTIONS[@]}" --print-uris install "${packages[@]}")
  printf '{"packages":[%s]}\n' "${chosen%,}"
}

lay_packages() {
  local packages=() before after
  mapfile -t packages < <(programs_missing)
  [ ${#packages[@]} -gt 0 ] || return 0
  wait_for_packages 600
  package_options
  before=$(dpkg-query --show --showformat '${Package}\n')
  log "$NODE_NAME: installing ${packages[*]}"
  keep_down "${packages[@]}"
  apt "${OPTIONS[@]}" update >/dev/null
  apt "${OPTIONS[@]}" install "${packages[@]}" >/dev/null
  after=$(dpkg-query --show --showformat '${Package}\n')
  remember_packages "$before" "$after"
  packages=("$(programs_missing)")
  [ -z "${packages[0]}" ] || fail "$NODE_NAME: apt ended well, and there is still no ${packages[0]//$'\n'/, }"
  changed "$NODE_NAME: installed packages of $(system_release)"
}

keep_down() { # PACKAGE...  : apt starts what it installs, and of HAProxy nodes need the program alone
  local link=$ROOT/etc/systemd/system/haproxy.service
  [[ " $* " == *' haproxy '* ]] && [ ! -e "$link" ] && [ ! -L "$link" ] || return 0
  : >"$ROOT$RECORD/haproxy-is-masked"
  mkdir -p "${link%/*}"
  ln -s /dev/null "$link"
}

apt() {
  local said
  said=$(DEBIAN_FRONTEND=noninteractive apt-get "$@" 2>&1) || {
    printf '%s\n' "$said" | tail -n 15 >&2
    fail "$NODE_NAME: apt-get failed (${*: -1}); its words are above"
  }
  printf '%s\n' "$said"
}

remember_packages() { # BEFORE AFTER  : what was added, which is what is taken away again
  comm -13 <(sort <<<"$1") <(sort <<<"$2") | sort -u - <(cat "$ROOT$RECORD/packages" 2>/dev/null) >"$ROOT$RECORD/packages.next"
  mv -f "$ROOT$RECORD/packages.next" "$ROOT$RECORD/packages"
}

# --- files ---

download() { # URL FILE  : goes on where an earlier one ended; SAID is why it failed
  local tries=$DOWNLOAD_TRIES status words
  words=$(mktemp)
  mkdir -p "${2%/*}"
  # of a whole answer curl may say that all is well where the server says that there is no more of it
  until status=$(curl --fail --silent --show-error --location --connect-timeout 20 --speed-limit 1000 --speed-time 60 \
    --continue-at - --write-out '%{http_code}' ${PROXY:+--proxy "$PROXY"} --output "$2" "$1" 2>"$words") && [ "$status" != 416 ]; do
    case $status in
      # there is no more of it, and so it is another file
      416) rm -f "$2" ;;
      401 | 403) tries=1 SAID="it wants a login ($status): files come without one" ;;
      404 | 410) tries=1 SAID="it is not there ($status)" ;;
      *) SAID=$(<"$words") ;;
    esac
    tries=$((tries - 1))
    if [ $tries -le 0 ]; then
      rm -f "$words"
      return 1
    fi
    sleep 3
  done
  rm -f "$words"
}

is_whole() { # FILE SHA256
  [ -s "$1" ] && [ "$(checksum "$1")" = "$2" ]
}

checksum() { # FILE
  local line
  line=$(sha256sum "$1")
  printf '%s' "${line%% *}"
}

verify() { # FILE SHA256 WHAT
  local found
  found=$(checksum "$1")
  [ "$found" = "$2" ] || {
    rm -f "$1"
    fail "$NODE_NAME: $3 has SHA-256 $found, and the list says $2: it was thrown away, and nothing was changed"
  }
}

lay_files() {
  local name component version kind strip links sha256 size url part
  local wanted=() downloaded=() running=0
  while read -r name component version kind strip links sha256 size url; do
    [ -n "$name" ] || continue
    is_installed "$name" "$component" "$version" "$sha256" || wanted+=("$sha256 $size $url $name")
  done <<<"$FILES"
  # all are there and whole before the first is installed
  for part in "${wanted[@]}"; do
    read -r sha256 size url name <<<"$part"
    ! is_whole "$ROOT$INCOMING/$sha256" "$sha256" || continue
    [ "$url" != - ] || {
      [ "$(bytes_of "$ROOT$INCOMING/$sha256")" -lt "$size" ] || verify "$ROOT$INCOMING/$sha256" "$sha256" "$name"
      fail "$NODE_NAME: $name did not arrive whole; run it again"
    }
    downloaded+=("$part")
    get_file "$url" "$sha256" "$name" &
    running=$((running + 1))
    [ $running -lt 4 ] || { wait -n || fail_download; running=$((running - 1)); }
  done
  while [ $running -gt 0 ]; do
    wait -n || fail_download
    running=$((running - 1))
  done
  # the others were read a moment ago, and on a slow machine each reading takes seconds
  for part in "${downloaded[@]}"; do
    read -r sha256 size url name <<<"$part"
    verify "$ROOT$INCOMING/$sha256" "$sha256" "$name"
  done
  while read -r name component version kind strip links sha256 size url; do
    [ -n "$name" ] || continue
    is_installed "$name" "$component" "$version" "$sha256" ||
      unpack "$name" "$component" "$version" "$kind" "$strip" "$sha256"
    link "$component" "$version" "$links" "$name" "$kind"
  done <<<"$FILES"
  for name in "${!LAID[@]}"; do
    # shellcheck disable=SC2086  # without the blanks of names that are none
    log "$NODE_NAME: installed $name:" ${LAID[$name]}
  done
}

get_file() { # URL SHA256 NAME
  local start=$SECONDS SAID='no answer'
  download "$1" "$ROOT$INCOMING/$2" || {
    log "error: $NODE_NAME: $3 does not come from $1: $SAID"
    return 1
  }
  log "$NODE_NAME: $3 downloaded ($(($(bytes_of "$ROOT$INCOMING/$2") / 1000000)) MB, $((SECONDS - start)) s)"
}

fail_download() {
  wait || true
  exit 1
}

declare -A LAID=()

count() { # COMPONENT NAME  : one change; each component is told in one line, at the end
  CHANGES=$((CHANGES + 1))
  LAID[$1]+=" $2"
}

unpack() { # NAME COMPONENT VERSION KIND STRIP SHA256
  local place="$ROOT$FOLDER/$2/$3" part="$ROOT$INCOMING/$6" beside file
  beside="$place/.unpacking-$1"
  rm -rf "$beside"
  mkdir -p "$beside"
  if [ "$4" = archive ]; then
    tar --extract --gzip --file "$part" --directory "$beside" --strip-components "$5" --no-same-owner --no-same-permissions
  else
    if [ "$4" = gzip ]; then gzip --decompress --stdout <"$part" >"$beside/$1"; else cp "$part" "$beside/$1"; fi
    chmod 0755 "$beside/$1"
  fi
  for file in "$beside"/*; do
    [ ! -f "$file" ] || mv -f "$file" "$place/${file##*/}"
  done
  rm -rf "$beside"
  printf '%s\n' "$6" >"$(mark_of "$1" "$2" "$3")"
  count "$2 $3" "$1"
}

link() { # COMPONENT VERSION FOLDER NAME KIND
  local place="$FOLDER/$1/$2" file at
  mkdir -p "$ROOT$3"
  for file in "$ROOT$place"/*; do
    # archives have texts too
    [ -f "$file" ] && [ -x "$file" ] || continue
    [ "$5" = archive ] || [ "${file##*/}" = "$4" ] || continue
    at="$ROOT$3/${file##*/}"
    [ "$(readlink "$at" 2>/dev/null)" != "$place/${file##*/}" ] || continue
    if [ -e "$at" ] && [ ! -L "$at" ]; then
      # of containers' network programs a host may have its own, and those that are there are used
      [ "$3" = /usr/local/bin ] || continue
      fail "$NODE_NAME: $3/${file##*/} is there, and not from fjordkube: remove it, or set artifacts.install: false"
    fi
    ln -sfn "$place/${file##*/}" "$at.next"
    mv -Tf "$at.next" "$at"
    [ "$1" != containerd ] || RESTART=1
    count "$1 $2" ''
  done
}

# --- services ---

lay_units() {
  local path mode number=0 text before=$CHANGES
  while read -r path mode; do
    [ -n "$path" ] || continue
    text="UNIT_$number"
    write_file "$ROOT$path" "$mode" <<<"${!text%$'\n'}"
    number=$((number + 1))
  done <<<"$UNITS"
  [ "$before" = "$CHANGES" ] || RESTART=1
}

lay_registries() { # read at each pull: containerd needs no restart
  local host folder header='' ca='' at=${MIRROR%%/*} below=''
  [ -n "$MIRROR" ] || return 0
  [ "$at" = "$MIRROR" ] || below=${MIRROR#*/}/
  for host in $MIRRORED; do
    folder=$REGISTRIES/$host
    [ -z "$MIRROR_CA" ] || {
      write_file "$ROOT$folder/mirror.crt" 0644 <<<"$MIRROR_CA"
      ca="ca = \"$folder/mirror.crt\""
    }
    [ -z "$MIRROR_LOGIN" ] || header="[header]"$'\n'"  Authorization = \"Basic $MIRROR_LOGIN\""
    # `server` itself, so that nothing is asked of upstream where the mirror has it not
    write_file "$ROOT$folder/hosts.toml" 0600 <<TOML
# Written by fjordkube.
server = "https://$at/v2/$below$host"
capabilities = ["pull", "resolve"]
override_path = true
$ca
$header
TOML
  done
}

run_containerd() {
  ! systemctl show --property=NeedDaemonReload --value containerd.service kubelet.service | grep -q yes || systemctl daemon-reload
  if ! systemctl is-active --quiet containerd; then
    systemctl enable --now containerd >&2
    changed "started containerd"
  elif [ $RESTART = 1 ]; then
    systemctl restart containerd
    changed "restarted containerd"
  fi
  systemctl is-enabled --quiet kubelet || {
    systemctl enable kubelet >&2
    changed "enabled the kubelet"
  }
  until_true 300 "$NODE_NAME: an answer of containerd (journalctl --unit containerd tells why)" ctr --timeout 30s version
}

# --- images ---

lay_images() {
  local reference digest sha256 size there found why
  there=$'\n'$(images_there)$'\n'
  while read -r reference digest sha256 size; do
    [ -n "$reference" ] || continue
    ! is_listed "$there" "$reference" "$digest" || continue
    if [ "$sha256" != - ]; then
      import_image "$reference" "$sha256" "$size"
    else
      pull_image "$reference"
    fi
    [ "$digest" != - ] || continue
    found=$(images_there | while read -r name value; do [ "$name" != "$reference" ] || printf '%s' "$value"; done)
    why=''
    [ "$found" = "$digest" ] || is_of_index "$reference" "$digest" "${found:-none}" || {
      ctr --namespace k8s.io images remove "$reference" >/dev/null 2>&1 || true
      fail "$NODE_NAME: image $reference is ${found:-not there}, and the list says $digest$why: it was removed again"
    }
  done <<<"$IMAGES"
}

is_of_index() { # REFERENCE DIGEST FOUND  : a mirror of one architecture has what the listed index names; WHY not
  local name=${1#*/} index="$ROOT$INCOMING/index" SAID='no answer'
  [ -n "$MIRROR_FILES" ] || return 1
  rm -f "$index"
  if ! download "$MIRROR_FILES/${1%%/*}/v2/${name%:*}/manifests/$2" "$index"; then
    why=" (the mirror's files have no index that names it: $SAID)"
  elif [ "sha256:$(checksum "$index")" != "$2" ]; then
    why=" (the mirror's files have another index under that name)"
  elif ! grep -qF "\"$3\"" "$index"; then
    why=" (an index that does not name it)"
  else
    # a later run finds it here and asks nobody
    printf '%s %s\n' "$2" "$3" >>"$ROOT$RECORD/indexes"
    return 0
  fi
  return 1
}

import_image() { # REFERENCE SHA256 SIZE
  local part="$ROOT$INCOMING/$2" start=$SECONDS said
  [ "$(bytes_of "$part")" = "$3" ] || fail "$NODE_NAME: image $1 did not arrive whole; run it again"
  verify "$part" "$2" "image $1"
  # -f: what is not compressed passes as it is. --local: containerd's transfer service, the default, hands an image on
  # in pieces of 32 kB with an answer to each, which took an emulated node twice as long (33 s for 17 s)
  said=$(gzip --decompress --stdout --force <"$part" |
    ctr --timeout 600s --namespace k8s.io images import --local - 2>&1) ||
    fail "$NODE_NAME: containerd does not take image $1: ${said##*$'\n'}"
  rm -f "$part"
  changed "$NODE_NAME: imported $1 ($((SECONDS - start)) s)"
}

pull_image() { # REFERENCE  : by the runtime itself, which knows mirrors and their logins
  local start=$SECONDS tries=3 said
  until said=$(crictl pull "$1" 2>&1); do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "$NODE_NAME: image $1 was not pulled: ${said##*$'\n'}"
    sleep 5
  done
  changed "$NODE_NAME: pulled $1 ($((SECONDS - start)) s)"
}

install() {
  mkdir -p "$ROOT$RECORD"
  # asked once: what lies there later is of this program
  [ -e "$ROOT/var/lib/containerd" ] || touch "$ROOT$RECORD/containerd-is-ours"
  lay_packages
  lay_files
  lay_units
  lay_registries
  run_containerd
  lay_images
  rm -rf "$ROOT$INCOMING"
  printf '{"node":"%s","release":"%s","changed":%d}\n' "$NODE_NAME" "$(system_release)" "$CHANGES"
}

case $STEP in
  have) have ;;
  receive) receive ;;
  choose) choose ;;
  install)
    await_boot
    only_one 300
    install
    ;;
esac
