#!/usr/bin/env bash
# Starts and stops servers for trying things out. Pid and log of each are kept in .run/, or where RUN_DIR says.
# Usage: background.sh start NAME PORT COMMAND…   returns once something listens on the (loopback) port
#        background.sh stop NAME
#        background.sh running NAME        succeeds if it does
set -euo pipefail
cd "$(dirname "$0")/.."

action=$1
name=$2
run=${RUN_DIR:-.run}
pid_file=$run/$name.pid
log=$run/$name.log

# When the process started: with its pid, the identity of a process, since pids are used again.
started_at() {
  if [[ -r /proc/$1/stat ]]; then
    sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20
  else
    ps -o lstart= -p "$1" 2>/dev/null
  fi
}

# Sets pid when the process that we started still runs.
find_running() {
  local started
  [[ -r $pid_file ]] && read -r pid started <"$pid_file" && [[ $(started_at "$pid") == "$started" ]]
}

listening() { (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

start() {
  local port=$1
  shift
  if find_running; then
    echo "$name runs already (pid $pid)"
    return
  fi
  if listening "$port"; then
    echo "$name cannot start: something else listens on port $port" >&2
    return 1
  fi
  mkdir -p "$run"
  nohup "$@" </dev/null >"$log" 2>&1 &
  pid=$!
  echo "$pid $(started_at "$pid")" >"$pid_file"
  for ((i = 0; i < 150; i++)); do
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    if listening "$port"; then
      echo "$name runs on port $port (pid $pid, log in $log)"
      return
    fi
    sleep 0.2
  done
  kill "$pid" 2>/dev/null || true
  rm -f "$pid_file"
  tail -n 20 "$log" >&2
  echo "$name did not start" >&2
  return 1
}

stop() {
  if ! find_running; then
    rm -f "$pid_file"
    echo "$name does not run"
    return
  fi
  kill "$pid"
  for ((i = 0; i < 150; i++)); do
    if ! find_running; then
      rm -f "$pid_file"
      echo "$name stopped"
      return
    fi
    sleep 0.2
  done
  echo "$name (pid $pid) did not stop within 30 s" >&2
  return 1
}

case $action in
  start) start "${@:3}" ;;
  stop) stop ;;
  running) find_running ;;
  *)
    echo "unknown action: $action" >&2
    exit 2
    ;;
esac
