#!/usr/bin/env bash
# Starts a Redis Cluster or a master with Sentinels in the background, for trying things out. Pids, logs and data are
# kept in .run/, or where RUN_DIR says.
# Usage: start-topology.sh cluster FIRST_PORT           three masters, three replicas: six ports from FIRST_PORT on
#        start-topology.sh sentinel FIRST_PORT PORT     three sentinels from FIRST_PORT on, master and replica from PORT on
#        start-topology.sh stop cluster|sentinel
set -euo pipefail
cd "$(dirname "$0")/.."

MASTER_NAME=main
export RUN_DIR=${RUN_DIR:-$PWD/.run}

# Resolves once the command says what is expected.
wait_for() {
  local expected=$1 tries
  shift
  for ((tries = 0; tries < 150; tries++)); do
    if grep -q "$expected" <<<"$("$@" 2>/dev/null)"; then return; fi
    sleep 0.2
  done
  echo "waited in vain for $expected of: $*" >&2
  return 1
}

# Starts a server in a directory of its own: NAME PORT ARGUMENTS…
server() {
  local name=$1 port=$2
  shift 2
  mkdir -p "$RUN_DIR/$name"
  scripts/background.sh start "$name" "$port" redis-server "$@" --port "$port" --bind 127.0.0.1 --dir "$RUN_DIR/$name" \
    --repl-diskless-sync-delay 0
}

cluster() {
  local first=$1 nodes=() i state
  for i in 0 1 2 3 4 5; do
    # Nothing is kept from one time to the next, as with `make start-redis`.
    server "cluster-$i" $((first + i)) --save '' --appendonly no --cluster-enabled yes --cluster-node-timeout 2000
    nodes+=("127.0.0.1:$((first + i))")
  done
  state=$(redis-cli -p "$first" CLUSTER INFO)
  if ! grep -q cluster_known_nodes:6 <<<"$state"; then
    redis-cli --cluster create "${nodes[@]}" --cluster-replicas 1 --cluster-yes >"$RUN_DIR/cluster-create.log"
  fi
  for i in 0 1 2 3 4 5; do
    wait_for cluster_state:ok redis-cli -p $((first + i)) CLUSTER INFO
    wait_for 'role:master\|master_link_status:up' redis-cli -p $((first + i)) INFO replication
  done
  echo "Try: make run ARGS=\"--config.file=examples/cluster.yml\""
}

sentinel() {
  local first=$1 port=$2 i
  server sentinel-master "$port" --save '' --appendonly no
  server sentinel-replica $((port + 1)) --save '' --appendonly no --replicaof "127.0.0.1 $port"
  for i in 0 1 2; do
    mkdir -p "$RUN_DIR/sentinel-$i"
    # Sentinels write into their file whom they know.
    if ! scripts/background.sh running "sentinel-$i"; then
      cat >"$RUN_DIR/sentinel-$i/sentinel.conf" <<END
sentinel monitor $MASTER_NAME 127.0.0.1 $port 2
sentinel down-after-milliseconds $MASTER_NAME 2000
sentinel failover-timeout $MASTER_NAME 10000
END
    fi
    scripts/background.sh start "sentinel-$i" $((first + i)) redis-server "$RUN_DIR/sentinel-$i/sentinel.conf" --sentinel \
      --port $((first + i)) --bind 127.0.0.1 --dir "$RUN_DIR/sentinel-$i"
  done
  for i in 0 1 2; do
    wait_for '^OK 3' redis-cli -p $((first + i)) SENTINEL CKQUORUM $MASTER_NAME
    wait_for master-link-status redis-cli -p $((first + i)) SENTINEL REPLICAS $MASTER_NAME
  done
  echo "Try: make run ARGS=\"--config.file=examples/sentinel.yml\""
}

# Sentinels first, so that they do not see their master go.
stop() {
  local name names
  case $1 in
    cluster) names=(cluster-{0..5}) ;;
    sentinel) names=(sentinel-{0..2} sentinel-replica sentinel-master) ;;
    *) echo "unknown topology: $1" >&2 && exit 2 ;;
  esac
  for name in "${names[@]}"; do
    scripts/background.sh stop "$name"
    rm -rf "$RUN_DIR/$name"
  done
}

case $1 in
  cluster) cluster "$2" ;;
  sentinel) sentinel "$2" "$3" ;;
  stop) stop "$2" ;;
  *)
    echo "unknown action: $1" >&2
    exit 2
    ;;
esac
