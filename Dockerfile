# syntax=docker/dockerfile:1
# docker build -t pushgateway-redis . && docker run -p 9753:9753 -e PUSHGATEWAY_REDIS_ENDPOINT=redis:6379 pushgateway-redis
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/build.ts scripts/bundle.ts scripts/licenses.ts scripts/
COPY config config
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pushgateway-redis" \
      org.opencontainers.image.description="A Prometheus push gateway that keeps its series in Redis and forgets the stale ones" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# For PUSHGATEWAY_REDIS_ENDPOINT=embedded.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./

# Every setting has a variable: PUSHGATEWAY_PORT, PUSHGATEWAY_REDIS_ENDPOINT, … (--help-long lists them). Prefer them to
# flags: the health check sees variables only.
ENV NODE_ENV=production
# nobody. Nothing is written but the socket of an embedded Redis, to /tmp: the root file system may be read-only.
USER 65534:65534
EXPOSE 9753
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "/app/dist/src/server/main.js", "--check-health"]
# The flags: see the head of main.ts.
ENTRYPOINT ["node", "--heap-growing-percent=150", "--no-parallel-scavenge", "--expose-gc", "/app/dist/src/server/main.js"]
