# shellcheck shell=bash
# Tells how this node and its part of the cluster are: facts, one to a line, as NAME=VALUE; a name may repeat.
#
# Inputs: DISKS (folders) UNITS NAMESPACES (whose pods are told) PATIENCE (seconds for one answer of etcd or the API)
#         facts.sh and bird.sh were read before
# Guard:  reads and nothing else. The administrator's key stays in this shell's memory: curl gets it by a pipe. What
#         has no answer is told with the reason as NAME_silent, which whoever asked judges.
# Output: the facts, and `whole=yes` last: without it the connection was cut.

KUBERNETES="$ROOT/etc/kubernetes"

answered() { # NAME CURL...  : tells the answer on one line, or why there is none; whether there was one
  local name=$1 said
  shift
  if said=$(curl --silent --show-error --noproxy '*' --connect-timeout 5 --max-time "$PATIENCE" "$@" 2>&1); then
    tell "$name" "$said"
  else
    tell "${name}_silent" "$said"
    return 1
  fi
}

# --- the machine ---

tell_machine() {
  local seconds=''
  tell uid "$(id -u)"
  tell_release
  read -r seconds _ <"$ROOT/proc/uptime" || true
  tell uptime "$seconds"
  read -r -d '' seconds < <(runc --version 2>/dev/null) || true
  tell runc "${seconds%%$'\n'*}"
  [ ! -e "$ROOT/sys/class/net/kube-ipvs0" ] || tell ipvs yes
}

tell_disks() { # FOLDER MOUNT KIB FREE_KIB INODES FREE_INODES
  local folder folders=() names=() line number=0
  for folder in $DISKS; do
    [ -d "$ROOT$folder" ] || continue
    folders+=("$ROOT$folder")
    names+=("$folder")
  done
  while read -r line; do
    [ "$number" = 0 ] || tell disk "${names[number - 1]} $line"
    number=$((number + 1))
  done < <(df --block-size=1K --output=target,size,avail,itotal,iavail "${folders[@]}" 2>/dev/null || true)
}

tell_clock() {
  local key value
  # its service is started by this question
  tell synchronised "$(timeout 10 timedatectl show --property=NTPSynchronized --value 2>/dev/null || true)"
  while IFS=: read -r key value; do
    case $key in
      'System time'* | *Offset) tell clock_offset "${value# }" ;;
    esac
  done < <(chronyc -n tracking 2>/dev/null || timeout 10 timedatectl timesync-status 2>/dev/null || true)
}

tell_units() { # ID LOADED ACTIVE SUB RESTARTS SINCE (microseconds after boot); one question for all of them
  local line id='' loaded='' active='' sub='' restarts=0 since=0
  while IFS= read -r line; do
    case $line in
      Id=*) id=${line#*=} ;;
      LoadState=*) loaded=${line#*=} ;;
      ActiveState=*) active=${line#*=} ;;
      SubState=*) sub=${line#*=} ;;
      NRestarts=*) restarts=${line#*=} ;;
      ActiveEnterTimestampMonotonic=*) since=${line#*=} ;;
      '')
        [ -z "$id" ] || tell unit "$id $loaded $active $sub $restarts $since"
        id='' restarts=0 since=0
        ;;
    esac
  done < <(
    # shellcheck disable=SC2086  # several
    systemctl show --property=Id,LoadState,ActiveState,SubState,NRestarts,ActiveEnterTimestampMonotonic $UNITS 2>/dev/null || true
    printf '\n'
  )
}

# --- its part of the cluster ---

ends() { # FILE  <PEM   : of the first certificate
  local said
  said=$(openssl x509 -noout -enddate 2>/dev/null) || said=''
  tell certificate "$1 ${said#notAfter=}"
}

tell_certificates() {
  local file line
  for file in "$KUBERNETES"/pki/*.crt "$KUBERNETES"/pki/etcd/*.crt \
    "$ROOT"/var/lib/kubelet/pki/kubelet-client-current.pem "$ROOT"/var/lib/kubelet/pki/kubelet-server-current.pem \
    "$ROOT"/var/lib/kubelet/pki/kubelet.crt; do
    # a kubelet that has a signed certificate keeps the earlier one of its own making, which nobody is shown
    [[ $file != */kubelet.crt ]] || [ ! -e "${file%.crt}-server-current.pem" ] || continue
    [ ! -e "$file" ] || ends "${file#"$ROOT"}" <"$file"
  done
  for file in admin super-admin controller-manager scheduler kubelet; do
    file=$KUBERNETES/$file.conf
    [ -e "$file" ] || continue
    while IFS= read -r line; do # a kubelet's has the name of its file instead, which was told
      [[ $line != *client-certificate-data:* ]] || ends "${file#"$ROOT"}" < <(base64 --decode <<<"${line##*: }" 2>/dev/null)
    done <"$file"
  done
}

tell_etcd() { # by its gateway from JSON to gRPC: nodes have no etcdctl
  local etcd=(--cacert "$KUBERNETES/pki/etcd/ca.crt" --cert "$KUBERNETES/pki/apiserver-etcd-client.crt"
    --key "$KUBERNETES/pki/apiserver-etcd-client.key") line url=https://127.0.0.1:2379
  [ -e "$KUBERNETES/manifests/etcd.yaml" ] || return 0
  while IFS= read -r line; do # its loopback address comes first
    [[ ! $line =~ --listen-client-urls=([^,]+) ]] || url=${BASH_REMATCH[1]}
  done <"$KUBERNETES/manifests/etcd.yaml"
  answered etcd_health "${etcd[@]}" "$url/health" || return 0
  answered etcd_status "${etcd[@]}" --data '{}' "$url/v3/maintenance/status" || true
  answered etcd_members "${etcd[@]}" --data '{}' "$url/v3/cluster/member/list" || true
  answered etcd_alarms "${etcd[@]}" --data '{"action":"GET"}' "$url/v3/maintenance/alarm" || true
}

api() { # NAME PATH [CURL...]  : of this node's own API server, as the administrator
  answered "$1" --cacert "$KUBERNETES/pki/ca.crt" --cert <(printf '%s\n' "$CERTIFICATE") --key <(printf '%s\n' "$KEY") \
    "${@:3}" "https://127.0.0.1:$API_PORT$2"
}

tell_api() { # tables as kubectl prints them: a hundredth of the objects
  local line name CERTIFICATE='' KEY='' API_PORT=6443
  local table=(--header 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io')
  [ -e "$KUBERNETES/manifests/kube-apiserver.yaml" ] && [ -e "$KUBERNETES/admin.conf" ] || return 0
  while IFS= read -r line; do
    [[ $line != *--secure-port=* ]] || API_PORT=${line##*=}
  done <"$KUBERNETES/manifests/kube-apiserver.yaml"
  while IFS= read -r line; do
    case $line in
      *client-certificate-data:*) CERTIFICATE=$(base64 --decode <<<"${line##*: }" 2>/dev/null) || true ;;
      *client-key-data:*) KEY=$(base64 --decode <<<"${line##*: }" 2>/dev/null) || true ;;
    esac
  done <"$KUBERNETES/admin.conf"
  api api_ready /readyz || return 0
  # an API server writes for people where curl asks, unless told otherwise
  api api_nodes '/api/v1/nodes?includeObject=None&pretty=false' "${table[@]}" || true
  for name in $NAMESPACES; do
    api "api_pods/$name" "/api/v1/namespaces/$name/pods?includeObject=None&pretty=false" "${table[@]}" || true
  done
}

tell_bird() {
  local line
  while IFS= read -r line; do tell bird "$line"; done < <(sessions)
}

tell clock "${EPOCHREALTIME/,/.}"
tell_machine
tell_disks
tell_clock
tell_units
tell_certificates
tell_bird
tell_etcd
tell_api
tell clock_end "${EPOCHREALTIME/,/.}"
tell whole yes
