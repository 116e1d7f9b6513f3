# shellcheck shell=bash
# Measures the disk that etcd will use, before etcd starts: fio's writes with fdatasync, dd's direct sequential write.
#
# Inputs: NODE_NAME ETCD_MOUNT ETCD_DATA (where a living member's data is) CACHE (file with this script's last answer)
#         MEASUREMENT (another number measures again) DD_MIB (the most that dd writes) LIMIT_SECONDS (for each of both)
# Guard:  what was measured once is answered from CACHE while it is the same disk; then nothing is written. What is
#         written lies in one folder of this script's own, which is removed however it ends. The free space is looked at
#         first.
# Output: one JSON line: the disk, and what fio and dd said as texts.

FIO_SIZE=22m FIO_BLOCK=2300
LEAST_DD_MIB=16 LIVING_DD_MIB=64
NEEDED_MIB=64 # for the least of dd or fio, and something to spare

# --- words ---

word() { # TEXT  : sets WORD, the text as the content of a JSON string
  local backslash=$'\\\\' quote=$'\\"'
  WORD=${1//[[:cntrl:]]/}
  WORD=${WORD//\\/"$backslash"}
  WORD=${WORD//\"/"$quote"}
}

content() { # FILE  : its first line without blanks around it; nothing where there is none
  local line=''
  [ ! -r "$1" ] || IFS=$' \t' read -r line <"$1" || true
  printf '%s' "$line"
}

# --- what holds etcd's data ---

find_place() { # AT: the folder to write in, on the file system where etcd's data will be
  AT="$ROOT$ETCD_MOUNT"
  while [ ! -d "$AT" ]; do AT=${AT%/*}; done
  [ -n "$AT" ] || AT=/
}

find_disk() { # FILE_SYSTEM SOURCE UUID, and of a block device: DEVICE DISK TRANSPORT MODEL SERIAL ROTATIONAL SIZE
  local number
  read -r FILE_SYSTEM number SOURCE UUID <<<"$(findmnt -rno FSTYPE,MAJ:MIN,SOURCE,UUID -T "$AT")" || true
  [ -n "$FILE_SYSTEM" ] || fail "$NODE_NAME: findmnt names no file system for $ETCD_MOUNT: is /proc mounted?"
  DEVICE='' DISK='' TRANSPORT='' MODEL='' SERIAL='' ROTATIONAL=null SIZE=0
  local at
  at=$(readlink -f "$ROOT/sys/dev/block/$number") || true
  # btrfs and the like have a number of their own, and name their device
  [ -e "$at/size" ] || at=$(readlink -f "$ROOT/sys/class/block/$(block_name "${SOURCE%%\[*}")") || true
  [ -e "$at/size" ] || return 0
  DEVICE=${at##*/} SIZE=$(($(content "$at/size") * 512))
  [ -n "$UUID" ] || UUID=$(blkid -o value -s UUID "/dev/$DEVICE" 2>/dev/null) || true
  [ ! -e "$at/partition" ] || at=${at%/*}
  case $(content "$at/queue/rotational") in
    0) ROTATIONAL=false ;;
    1) ROTATIONAL=true ;;
  esac
  physical "$at"
}

block_name() { # /dev/mapper/x -> dm-0
  local device
  device=$(readlink -f "$ROOT$1") || true
  printf '%s' "${device##*/}"
}

physical() { # FOLDER in sysfs of a whole device  : below LVM, LUKS and RAID lies a disk (of several, the first)
  local at=$1 below file
  for _ in 1 2 3 4 5 6; do
    below=("$at"/slaves/*)
    [ -e "${below[0]}" ] || break
    at=$(readlink -f "${below[0]}")
    [ ! -e "$at/partition" ] || at=${at%/*}
  done
  DISK=${at##*/}
  MODEL=$(content "$at/device/model")
  for file in "$at/wwid" "$at/device/wwid" "$at/serial" "$at/device/serial"; do
    SERIAL=$(content "$file")
    [ -z "$SERIAL" ] || break
  done
  case $DISK:$at in
    nvme*) TRANSPORT=nvme && of_nvme "$at" ;;
    rbd* | nbd* | drbd*) TRANSPORT="${DISK%%[0-9]*} (network)" ;;
    *:*/session[0-9]*) TRANSPORT='iscsi (network)' ;;
    *:*/usb[0-9]*) TRANSPORT=usb ;;
    *:*/ata[0-9]*) TRANSPORT=sata ;;
    *:*/virtio[0-9]*) TRANSPORT=virtio ;;
    *:*/vbd-[0-9]*) TRANSPORT=xen ;;
    *:*/host[0-9]*) TRANSPORT=scsi ;;
  esac
}

of_nvme() { # FOLDER  : over a network it is no local disk
  local way
  way=$(content "$1/device/transport")
  case $way in
    '' | pcie) ;;
    *) TRANSPORT="nvme over $way (network)" ;;
  esac
}

refusal() { # why this file system is not measured; nothing when it is
  case $FILE_SYSTEM in
    nfs* | cifs | smb* | ceph | glusterfs | 9p | virtiofs | lustre | beegfs | gpfs | afs | ocfs2 | gfs2)
      printf 'network file system'
      ;;
    fuse | fuse.* | fuseblk) printf 'FUSE file system' ;;
    tmpfs | ramfs | devtmpfs) printf 'file system in memory' ;;
    overlay | overlayfs | aufs | squashfs | iso9660) printf 'layered file system' ;;
  esac
}

# --- answers ---

add() { # NAME TEXT
  word "$2"
  ANSWER+=",\"$1\":\"$WORD\""
}

answer() { # MISSING DD_SAID FIO_SAID  : sets ANSWER, one JSON line; its beginning is what `cached` looks for
  ANSWER="$BEGINNING"
  add path "$ETCD_MOUNT"
  add file_system "$FILE_SYSTEM"
  add source "$SOURCE"
  add device "$DEVICE"
  add disk "$DISK"
  add transport "$TRANSPORT"
  add model "$MODEL"
  add refused "$REFUSED"
  add missing "$1"
  add dd "$2"
  add fio "$3"
  ANSWER+=",\"rotational\":$ROTATIONAL,\"size_bytes\":$SIZE,\"living\":$LIVING,\"measurement\":$MEASUREMENT}"
}

cached() { # whether CACHE holds an answer about this very disk, measured so and on this request
  local line=''
  # without an identity another disk could not be told from this one
  [ -n "$UUID$SERIAL" ] && [ -r "$ROOT$CACHE" ] || return 1
  IFS= read -r line <"$ROOT$CACHE" || true
  [[ $line == "$BEGINNING,"*'}' ]] || return 1
  printf '{"cached":true%s\n' "${line#'{"cached":false'}"
}

# --- measuring ---

choose_size() { # DD_NOW MiB: a quarter of the disk stays free, or 15 of 16 parts of what is free where that is less
  local block total free
  read -r block total free <<<"$(stat -f -c '%S %b %a' "$AT")"
  total=$((total * block / 1048576)) free=$((free * block / 1048576))
  [ "$free" -ge "$NEEDED_MIB" ] ||
    fail "$NODE_NAME: $ETCD_MOUNT has $free MiB free of $total, and measuring its disk needs $NEEDED_MIB: make room" \
      "there (etcd would soon find none either), or give etcd a larger disk"
  DD_NOW=$DD_MIB
  # a living member is not to wait long for a disk that is busy with this
  [ "$LIVING" = false ] || [ "$DD_NOW" -le $LIVING_DD_MIB ] || DD_NOW=$LIVING_DD_MIB
  while [ "$DD_NOW" -gt $LEAST_DD_MIB ] && [ "$DD_NOW" -gt $((free / 16)) ] &&
    [ $((free - DD_NOW)) -lt $((total / 4)) ]; do
    DD_NOW=$((DD_NOW / 2))
  done
}

clean() { rm -rf "$WORK"; }

last_line() { # FILE
  local line last=''
  while IFS= read -r line || [ -n "$line" ]; do [ -z "$line" ] || last=$line; done <"$1"
  printf '%s' "$last"
}

run_fio() { # the article's command; bounded in time, which a disk that is fast enough does not notice
  fio --name=etcd --rw=write --ioengine=sync --fdatasync=1 --size="$FIO_SIZE" --bs="$FIO_BLOCK" --directory="$WORK" \
    --runtime="$LIMIT_SECONDS" --output-format=json --output="$WORK/fio.json" >"$WORK/fio.txt" 2>&1 ||
    fail "$NODE_NAME: fio could not write at $ETCD_MOUNT: $(last_line "$WORK/fio.txt")"
  tr -s '[:space:]' ' ' <"$WORK/fio.json"
}

run_dd() { # the article's command, in blocks of 1 MiB: one of 1 GiB would need as much memory
  local code=0 said
  LC_ALL=C timeout -s INT "$LIMIT_SECONDS" \
    dd if=/dev/zero of="$WORK/dd" bs=1M count="$DD_NOW" oflag=direct 2>"$WORK/dd.txt" || code=$?
  said=$(last_line "$WORK/dd.txt")
  # 124: the time was over, and dd has said how far it came; some file systems know no direct writes
  [ $code = 0 ] || [ $code = 124 ] || [[ $said == *'Invalid argument'* ]] ||
    fail "$NODE_NAME: dd could not write $DD_NOW MiB at $ETCD_MOUNT: $said"
  printf '%s' "$said"
}

measure() {
  local fio_said dd_said
  trap clean EXIT
  trap 'exit 143' TERM HUP INT
  mkdir -m 0700 "$WORK"
  log "$NODE_NAME: measuring ${SOURCE##*/} ($FILE_SYSTEM), on which etcd will be: fio writes $FIO_SIZE, dd $DD_NOW MiB"
  # fio first, so that it does not measure what dd leaves behind
  fio_said=$(run_fio)
  dd_said=$(run_dd)
  answer '' "$dd_said" "$fio_said"
}

find_place
WORK="${AT%/}/.fjordkube-disk-gate"
only_one 900
rm -rf "$WORK" # of a run that was cut off
find_disk
LIVING=false
[ ! -d "$ROOT$ETCD_DATA/member" ] || LIVING=true
# the disk, how it is measured, and on which request
word "uuid=$UUID size=$SIZE serial=$SERIAL dd=$DD_MIB fio=$FIO_SIZE/$FIO_BLOCK limit=$LIMIT_SECONDS request=$MEASUREMENT"
BEGINNING='{"cached":false,"key":"'"$WORD"'"'
REFUSED=$(refusal)

if [ -n "$REFUSED" ]; then
  answer '' '' ''
elif cached; then
  exit 0
elif ! command -v fio >/dev/null; then
  answer fio '' ''
else
  choose_size
  measure
  write_file "$ROOT$CACHE" 0600 <<<"$ANSWER"
fi
printf '%s\n' "$ANSWER"
