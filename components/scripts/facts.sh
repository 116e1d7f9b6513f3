# shellcheck shell=bash
# How a script tells facts of a machine, and the facts that more than one of them tells; read before survey.sh and
# health.sh.
#
# Guard:  reads and nothing else.
# Output: facts, one to a line, as NAME=VALUE (helpers/survey/asking.py); a name may repeat.

tell() { # NAME VALUE
  local value=${2//[[:cntrl:]]/ }
  printf '%s=%s\n' "$1" "${value%"${value##*[![:space:]]}"}"
}

first_line() { # FILE
  local line=''
  [ ! -r "$ROOT$1" ] || IFS= read -r line <"$ROOT$1" || true
  printf '%s' "$line"
}

tell_release() { # of the distribution, and the kernel that runs
  local key value
  tell kernel "$(first_line /proc/sys/kernel/osrelease)"
  while IFS='=' read -r key value || [ -n "$key" ]; do
    value=${value#[\"\']}
    case $key in
      ID) tell os_id "${value%[\"\']}" ;;
      VERSION_ID) tell os_version "${value%[\"\']}" ;;
      PRETTY_NAME) tell os_name "${value%[\"\']}" ;;
    esac
  done < <(cat "$ROOT/etc/os-release" 2>/dev/null || true)
}
