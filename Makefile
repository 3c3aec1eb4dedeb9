# `make` lists the targets. Set on the command line: make run PORT=9000 ARGS="--log.level=debug"
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

ARGS ?=
PORT := $(or $(PORT),$(PUSHGATEWAY_PORT),9753)
REDIS_PORT ?= 6379
CLUSTER_PORT ?= 7000
SENTINEL_PORT ?= 26379
PROM_PORT ?= 9090
REDIS := $(or $(PUSHGATEWAY_REDIS_ENDPOINT),embedded)

GATEWAY := http://localhost:$(PORT)
MODULES := node_modules/.package-lock.json
PROGRAM := dist/src/server/main.js
# Folders too: their time changes when a file is added or removed.
SOURCES := $(shell find config src) package.json tsconfig.json scripts/build.ts scripts/bundle.ts scripts/licenses.ts

# The clients that the tests push with. The libraries among them are known by a file.
CLIENTS := curl:curl go:golang-go \
	/usr/lib/python3/dist-packages/prometheus_client/__init__.py:python3-prometheus-client \
	/usr/share/gocode/src/github.com/prometheus/client_golang/prometheus/push/push.go:golang-github-prometheus-client-golang-dev

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
# Variables, so that a flag in ARGS has precedence; but they would override a file.
ifeq ($(findstring --config.file,$(ARGS))$(PUSHGATEWAY_CONFIG_FILE),)
run: export PUSHGATEWAY_PORT := $(PORT)
run: export PUSHGATEWAY_REDIS_ENDPOINT := $(REDIS)
endif
run: build ## Run the gateway with a Redis of its own; set up what is missing first (PORT, ARGS="--flag=value …")
	@$(if $(findstring --redis.endpoint,$(ARGS))$(filter-out embedded,$(REDIS)),true, \
		scripts/install-missing.sh 'redis-server|valkey-server:redis-server')
	@exec $(PROGRAM) $(ARGS)

.PHONY: test
test: build ## Check format, lint and types, then run all tests, on one server, a Cluster and Sentinels; set up what is missing first
	@scripts/install-missing.sh redis-server:redis-server redis-cli:redis-tools faketime:faketime \
		prometheus:prometheus promtool:prometheus man:man-db $(CLIENTS)
	npm run --silent check
	npm run --silent test

.PHONY: compat-official
compat-official: $(MODULES) ## Run the table of test/compat and the clients against the official Pushgateway
	@scripts/install-missing.sh prometheus-pushgateway:prometheus-pushgateway $(CLIENTS)
	COMPAT_TARGET=official node --import tsx --test test/compat/*.test.ts test/clients/*.test.ts

.PHONY: bench
bench: $(MODULES) ## Measure the gateway beside the official Pushgateway (ARGS="--quick", ARGS="--list", ARGS="ROW …")
	@npm run --silent bench -- $(ARGS)

.PHONY: build
build: $(PROGRAM) ## Compile to dist/

$(PROGRAM): $(MODULES) $(SOURCES)
	npm run --silent build
	@touch $@

# npm writes this file as the last step of an installation.
$(MODULES): package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

.PHONY: start-redis
start-redis: ## Start a Redis in the background, without persistence (REDIS_PORT)
	@scripts/install-missing.sh redis-server:redis-server
	@scripts/background.sh start redis $(REDIS_PORT) \
		redis-server --port $(REDIS_PORT) --bind 127.0.0.1 --save '' --appendonly no --dir .run

.PHONY: stop-redis
stop-redis: ## Stop that Redis
	@scripts/background.sh stop redis

.PHONY: start-cluster
start-cluster: ## Start a Redis Cluster in the background: three masters, three replicas (CLUSTER_PORT and the next five)
	@scripts/install-missing.sh redis-server:redis-server redis-cli:redis-tools
	@scripts/start-topology.sh cluster $(CLUSTER_PORT)

.PHONY: stop-cluster
stop-cluster: ## Stop that Cluster
	@scripts/start-topology.sh stop cluster

.PHONY: start-sentinel
start-sentinel: ## Start a master, a replica and three Sentinels in the background (REDIS_PORT, SENTINEL_PORT and the next)
	@scripts/install-missing.sh redis-server:redis-server redis-cli:redis-tools
	@scripts/start-topology.sh sentinel $(SENTINEL_PORT) $(REDIS_PORT)

.PHONY: stop-sentinel
stop-sentinel: ## Stop those
	@scripts/start-topology.sh stop sentinel

.PHONY: start-prom
start-prom: ## Start a Prometheus in the background that scrapes the gateway every 5 s (PROM_PORT, PORT)
	@scripts/install-missing.sh prometheus:prometheus
	@mkdir -p .run
	@sed 's/localhost:9753/localhost:$(PORT)/' examples/prometheus.yml > .run/prometheus.yml
	@scripts/background.sh start prometheus $(PROM_PORT) \
		prometheus --config.file=.run/prometheus.yml --storage.tsdb.path=.run/prometheus \
		--web.listen-address=127.0.0.1:$(PROM_PORT)
	@echo 'Try http://localhost:$(PROM_PORT)/graph?g0.expr=backup_last_success_timestamp_seconds'

.PHONY: stop-prom
stop-prom: ## Stop that Prometheus
	@scripts/background.sh stop prometheus

.PHONY: ingest
ingest: ## Push examples/data.txt to the gateway (PORT)
	@scripts/install-missing.sh curl:curl
	@curl --silent --show-error --fail-with-body --data-binary @examples/data.txt $(GATEWAY)/ingest

.PHONY: metrics
metrics: ## Print what Prometheus would scrape from the gateway (PORT)
	@scripts/install-missing.sh curl:curl
	@curl --silent --show-error --fail-with-body $(GATEWAY)/metrics

.PHONY: clean
clean: ## Remove what was built
	rm -rf dist

.PHONY: dist-clean
dist-clean: clean stop-redis stop-cluster stop-sentinel stop-prom ## Remove dependencies and local data as well; stop what runs in the background
	rm -rf node_modules .run
