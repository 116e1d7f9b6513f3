#!/bin/bash
# Stands for systemctl where systemd is not PID 1. What units are is asked of the release's own systemctl, which answers
# from their files; whether they run is kept in /run/pretended. containerd's unit really starts its program.
export SYSTEMD_OFFLINE=1
state=/run/pretended

own() { /usr/bin/systemctl "$@"; }

unit_files() { # UNIT  : the files that say what it is
  local folder
  for folder in /etc/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system; do
    [ ! -e "$folder/$1" ] || printf '%s\n' "$folder/$1"
    [ ! -d "$folder/$1.d" ] || find "$folder/$1.d" -name '*.conf'
  done
}

is_active() { # UNIT
  local process
  [ -e "$state/$1" ] && read -r process <"$state/$1" && [ -d "/proc/$process" ]
}

start() { # UNIT
  local file program process=1
  ! is_active "$1" || return 0
  if [ "$1" = containerd.service ]; then
    file=$(unit_files "$1" | grep -m 1 '[.]service$')
    [ -n "$file" ] || { echo "Unit $1 not found." >&2 && exit 5; }
    program=$(sed -n 's/^ExecStart=//p' "$file")
    setsid "$program" >"$state/containerd.log" 2>&1 9>&- </dev/null &
    process=$!
  fi
  printf '%s\n' "$process" >"$state/$1"
}

stop() { # UNIT
  local process
  is_active "$1" || return 0
  read -r process <"$state/$1"
  rm -f "$state/$1"
  [ "$process" != 1 ] || return 0
  kill "$process"
  while [ -d "/proc/$process" ]; do sleep 0.1; done
}

enabled() { # UNIT  : as systemd says; nothing of a unit that is not there
  local word
  word=$(own is-enabled "$1" 2>/dev/null)
  [ "$word" = not-found ] || printf '%s' "$word"
}

show() { # UNIT
  local word load=loaded reload=no file
  word=$(enabled "$1")
  case $word in
    '') load=not-found ;;
    masked*) load=masked ;;
  esac
  for file in $(unit_files "$1"); do
    [ ! "$file" -nt "$state/read" ] || reload=yes
  done
  case $property in
    NeedDaemonReload) printf '%s\n\n' $reload ;;
    LoadState) printf '%s\n' "$load" ;;
    *) printf 'Id=%s\nLoadState=%s\nUnitFileState=%s\n\n' "$1" "$load" "$word" ;;
  esac
}

verb='' now='' property='' units=()
for word in "$@"; do
  case $word in
    --now) now=1 ;;
    --property=*) property=${word#*=} ;;
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$word; else units+=("$word"); fi ;;
  esac
done
for number in "${!units[@]}"; do
  [[ ${units[number]} == *.* ]] || units[number]+=.service
done

case $verb in
  show | is-* | list-* | cat) ;;
  *) printf '%s\n' "$*" >>"$state/calls" ;;
esac

case $verb in
  show) for unit in "${units[@]}"; do show "$unit"; done ;;
  is-system-running) printf 'running\n' ;;
  list-jobs) ;;
  is-active)
    if is_active "${units[0]}"; then word=active; else word=inactive; fi
    [[ " $* " == *' --quiet '* ]] || printf '%s\n' "$word"
    [ $word = active ]
    ;;
  daemon-reload) touch "$state/read" ;;
  reload) is_active "${units[0]}" ;;
  start) start "${units[0]}" ;;
  stop) stop "${units[0]}" ;;
  restart | try-restart)
    if [ "$verb" = restart ] || is_active "${units[0]}"; then stop "${units[0]}" && start "${units[0]}"; fi
    ;;
  enable | disable)
    # it reads units anew as well
    own "$verb" "${units[@]}" && touch "$state/read"
    [ -z "$now" ] || if [ "$verb" = enable ]; then start "${units[0]}"; else stop "${units[0]}"; fi
    ;;
  *) own "$@" ;;
esac
