#!/usr/bin/env bash
# Adapter between fjordkube and `coolvds`, the ordering command of an imaginary vendor: a start for one of your own.
#
#   vendor-adapter-example.sh create|read|delete|list   request on stdin, answer on stdout, words on stderr
#
# The contract: docs/sources/vendor_cli.md and vendor-contract.schema.json beside this file. Needs jq.
# Credentials are coolvds's own business (its file, or COOLVDS_TOKEN in the environment): none passes through here.
#
# What `coolvds` is taken to do; each one is a question to put to a real vendor:
#   coolvds order --label L ...     accepts an order, prints one JSON object; the label is the machine's name
#   coolvds servers --all           a JSON array of all servers; an order is in it as soon as it was accepted
#   coolvds cancel ID               takes a server back; it is in the list until it is gone
set -euo pipefail

fail() {
  printf 'adapter: %s\n' "$*" >&2
  exit 1
}

# No call waits for more than this; fjordkube ends us after nodes.call_seconds (120), which is less polite.
readonly LIMIT="${COOLVDS_LIMIT:-90}"

coolvds() { timeout "$LIMIT" coolvds "$@"; }

# One field of the request.
asked() {
  # shellcheck disable=SC2016 # jq's variables, here and below
  jq -r --arg field "$1" 'if has($field) then .[$field] | tostring else error("no \($field) in the request") end' \
    <<<"$request"
}

# The server of that name as an array of none or one. More than one is for a person to sort out.
found() {
  # shellcheck disable=SC2016
  coolvds servers --all --output json |
    jq -c --arg name "$1" 'map(select(.label == $name)) | if length > 1 then error("\(length) of this name") else . end'
}

# The vendor's words for a server, translated. A machine counts as running only once its host key is known: coolvds
# reads it from the serial console, where cloud-init writes it at the first boot, so nothing is trusted on first use.
# A vendor whose places have other names than country-dash-place needs a table here, and the same one in `create`.
# shellcheck disable=SC2016
readonly ANSWER='
  def host_key: (.console_host_keys // []) | map(select(startswith("ssh-ed25519 "))) | first
    | if . then split(" ")[:2] | join(" ") else null end;
  {contract: "1", name: $name} +
  if length == 0 then {state: "absent"}
  else .[0] |
    if .status == "error" then {state: "failed"}
    elif .status == "active" and host_key then {
      state: "running",
      id: (.id | tostring),
      zone: .location,
      public_address: .ipv4,
      private_address: .private_ipv4,
      host_key: host_key
    } else {state: "building"} end
  end'

answer() { found "$1" | jq -c --arg name "$1" "$ANSWER"; }

create() {
  local name="$1" there hostname zone plan image network address key etcd disk=()
  there="$(found "$name")"
  # coolvds knows no idempotency keys (one that does would get .idempotency_key), so the name is looked up once more.
  if [[ "$there" == "[]" ]]; then
    # One by one: a field that is missing ends the program here, and not in the middle of an order.
    hostname="$(asked hostname)"
    zone="$(asked zone)"
    plan="$(asked plan)"
    image="$(asked image)"
    network="$(asked private_network)"
    address="$(asked private_address)"
    key="$(asked ssh_public_key)"
    etcd="$(asked etcd_disk)"
    if [[ "$etcd" == true ]]; then
      disk=(--extra-disk 10 --extra-disk-label etcd)
    fi
    # Nothing else in place of what is sold out: the zone returned must be the one that was ordered.
    coolvds order --no-substitute --label "$name" --hostname "$hostname" --location "$zone" --product "$plan" \
      --template "$image" --vlan "$network" --private-ip "$address" --root-key "$key" "${disk[@]}" >&2
  fi
  answer "$name"
}

# fjordkube asks again until the state is absent, so what is on its way out is not cancelled a second time.
delete() {
  local name="$1" there id
  there="$(found "$name")"
  id="$(jq -r '.[] | select(.status != "cancelling") | .id' <<<"$there")"
  if [[ -n "$id" ]]; then
    coolvds cancel "$id" >&2
  fi
  answer "$name"
}

list() {
  coolvds servers --all --output json | jq -c '{contract: "1", machines: map(select(.label) | {name: .label})}'
}

[[ $# == 1 ]] || fail "usage: ${0##*/} create|read|delete|list"
request="$(cat)"
contract="$(asked contract)"
[[ "$contract" == 1 ]] || fail "the request is of contract $contract, this adapter of 1; use the one for your fjordkube"
[[ "$1" == list ]] || name="$(asked name)"

case "$1" in
  create) create "$name" ;;
  read) answer "$name" ;;
  delete) delete "$name" ;;
  list) list ;;
  *) fail "unknown verb $1" ;;
esac
