import { expirationRules } from './expiration-rules.ts';
import {
  anyText,
  boolean,
  bytes,
  choice,
  duration,
  endpointList,
  externalUrl,
  type Format,
  filePath,
  integer,
  keyPrefix,
  listenHost,
  port,
  routePrefix,
  urlPath,
} from './formats.ts';

/** One setting, as convict's schema wants it and with what else flags and documents need. */
export interface Setting<T> {
  readonly doc: string;
  /** As one would write it in the file. */
  readonly default: string;
  /** Name of the format: convict's property. */
  readonly format: string;
  readonly kind: Format<T>;
  readonly sensitive: boolean;
  /** Shown by --help; the others only by --help-long. */
  readonly usual: boolean;
  /** One-letter flag. */
  readonly short?: string;
  /** Name of the flag where it does not follow from the key. */
  readonly flag?: string;
}

type Extras = Partial<Pick<Setting<unknown>, 'sensitive' | 'usual' | 'short' | 'flag'>>;

function setting<T>(kind: Format<T>, defaultText: string, doc: string, extras: Extras = {}): Setting<T> {
  return { doc, default: defaultText, format: kind.name, kind, sensitive: false, usual: false, ...extras };
}

/**
 * Every setting there is. Flags, help, environment variables, the keys of the file, the README's table and
 * examples/pushgw.yml are all made from this; after a change run `npm run docs:config`.
 *
 * Durations are at most 24 h where they end in a timer: Node's fire at once beyond 24.8 days.
 */
export const schema = {
  port: setting(port, '9753', 'Service port; 0 takes a free one.', { short: 'p', usual: true }),
  host: setting(listenHost, '', 'Address to listen on; empty for all interfaces.', { usual: true }),
  tls_enabled: setting(boolean, 'false', 'Enable TLS.', { usual: true }),
  tls_key_path: setting(filePath, '', 'Path to the server key (PEM).', { flag: 'tls.key', usual: true }),
  tls_cert_path: setting(filePath, '', 'Path to the server certificate (PEM).', {
    flag: 'tls.cert',
    usual: true,
  }),
  metrics_path: setting(urlPath, '/metrics', 'Metrics path.', { short: 'm', usual: true }),
  telemetry_path: setting(urlPath, '/telemetry', "Path of the gateway's own metrics.", {
    short: 't',
    usual: true,
  }),
  ingest_path: setting(urlPath, '/ingest', 'Ingest path.', { short: 'i', usual: true }),
  web: {
    route_prefix: setting(
      routePrefix,
      '',
      'Path before all others, such as /pushgateway; / for none, empty for the path of web.external_url.',
    ),
    external_url: setting(
      externalUrl,
      '',
      'URL by which the gateway is reached through a proxy; only its path matters, see web.route_prefix.',
    ),
    enable_lifecycle: setting(boolean, 'false', 'Enable /-/quit and /-/reload.'),
    enable_admin_api: setting(boolean, 'false', 'Enable PUT /api/v1/admin/wipe, which deletes everything.'),
  },
  log_level: setting(
    choice('debug', 'info', 'warn', 'error'),
    'info',
    'Only log messages with the given severity or above. One of: [debug, info, warn, error]',
    { usual: true },
  ),
  log_format: setting(
    choice('logfmt', 'json'),
    'logfmt',
    'Output format of log messages. One of: [logfmt, json]',
    { usual: true },
  ),
  shutdown_timeout: setting(
    duration('0', '24h'),
    '10s',
    'Longest time for requests in flight to finish when the gateway is told to stop.',
  ),
  workers: setting(
    integer(0, 64),
    '0',
    'Worker threads, each with one connection to Redis; 0 for one per core, at most 8.',
  ),
  expiration_rules: setting(
    expirationRules,
    '',
    'How long groups live after a push, first match first: {job="nightly"}=26h;{job="cron"}=0; in the file a list of match and expiration.',
  ),
  redis: {
    endpoint: setting(
      endpointList,
      ':6379',
      'Redis endpoint(s), separated by commas; the word embedded starts a private redis-server.',
      { usual: true },
    ),
    mode: setting(
      choice('', 'auto', 'server', 'cluster', 'sentinel'),
      '',
      'What the endpoints are. One of: [auto, server, cluster, sentinel]. Auto, as empty: sentinel with a master name, cluster with several endpoints, else server.',
    ),
    master_name: setting(
      anyText,
      '',
      'Name under which the Sentinels know the master; the endpoints are then the Sentinels.',
    ),
    sentinel_username: setting(anyText, '', 'User name for the Sentinels (ACL); empty for the default user.'),
    sentinel_password: setting(anyText, '', 'Password for the Sentinels; they do not take that of Redis.', {
      sensitive: true,
    }),
    sentinel_tls_enabled: setting(
      boolean,
      'false',
      'Connect to the Sentinels with TLS, by the same certificates as to Redis.',
    ),
    expiration: setting(
      duration('0', '876000h'),
      '5m',
      'Time after which a series that is not pushed again is dropped; 0 keeps it for ever.',
      { usual: true },
    ),
    timeout: setting(
      duration('1ms', '24h'),
      '5s',
      'Longest time to wait for the answer to one Redis command.',
    ),
    db: setting(integer(0, 999_999_999), '0', 'Number of the Redis database; a Cluster has only 0.'),
    username: setting(anyText, '', 'User name for Redis (ACL); empty for the default user.'),
    password: setting(
      anyText,
      '',
      'Password for Redis. Others can see a flag in the list of processes: prefer the variable.',
      { sensitive: true },
    ),
    tls_enabled: setting(boolean, 'false', 'Connect to Redis with TLS.'),
    tls_skip_verify: setting(boolean, 'false', 'Accept any certificate from Redis.'),
    tls_ca_path: setting(
      filePath,
      '',
      'Path to the certificates (PEM) of the authorities that Redis must be certified by; empty for those that Node.js knows.',
    ),
    tls_cert_path: setting(
      filePath,
      '',
      'Path to the certificate (PEM) that is shown to Redis; empty for none.',
    ),
    tls_key_path: setting(filePath, '', 'Path to the key (PEM) of redis.tls_cert_path.'),
    tls_server_name: setting(
      anyText,
      '',
      'Name that the certificate of Redis must have; empty for the host of the endpoint.',
    ),
    key_prefix: setting(
      keyPrefix,
      'pushgateway:',
      'Start of every key in Redis. Deployments that share a Redis need different ones.',
    ),
    pool_size: setting(
      integer(0, 1_000_000),
      '0',
      'Most connections of the workers together to one Redis server, at least one for each; 0 for one for each.',
    ),
    idle_timeout: setting(
      duration('0', '876000h'),
      '0',
      'Time after which a connection of a worker that is unused, and not its only one, is closed; 0 for never.',
    ),
    max_connection_age: setting(
      duration('0', '876000h'),
      '0',
      'Age at which a connection is replaced by a new one, without a request failing; 0 for never.',
    ),
    wait_replicas: setting(
      integer(0, 1000),
      '0',
      'Replicas that must have a push before it is acknowledged (WAIT); with fewer it is answered with 503. 0 for none.',
    ),
    wait_timeout: setting(
      duration('1ms', '24h'),
      '1s',
      'Longest time to wait for those replicas; no longer than redis.timeout counts.',
    ),
    required_at_start: setting(
      boolean,
      'false',
      'End with exit code 1 if Redis is not there within redis.timeout at the start, instead of waiting for it.',
    ),
    embedded: {
      binary: setting(
        filePath,
        '',
        'Program that the embedded Redis runs; empty for redis-server, then valkey-server, on the PATH.',
      ),
      dir: setting(
        filePath,
        '',
        'Directory in which the embedded Redis keeps its data, as an append-only file; empty for none: it starts empty.',
      ),
      max_memory: setting(bytes('0', '1024TiB'), '0', 'Memory limit of the embedded Redis; 0 for none.'),
    },
  },
  push: {
    max_body_bytes: setting(
      bytes('1', '1GiB'),
      '64MiB',
      'Largest body of a push to a group, uncompressed; there is no bound on those of the ingest path.',
    ),
    max_buffered_bytes: setting(
      bytes('1', '1024GiB'),
      '256MiB',
      'Memory for all bodies of pushes to groups together; more of them wait.',
    ),
    max_ttl: setting(
      duration('0', '876000h'),
      '0',
      'Longest time to live that a push may ask for; longer ones are shortened to it. 0 for no limit.',
    ),
    timestamps: setting(
      choice('reject', 'strip', 'honor'),
      'reject',
      'What to do with a timestamp in a push to a group. One of: [reject, strip, honor]',
    ),
    enable_utf8_names: setting(
      boolean,
      'true',
      'Allow any UTF-8 text as the name of a metric or a label, in quotes or, in URLs, with U__ before it.',
    ),
    expiry_metric: setting(
      boolean,
      'true',
      'Show push_expiry_time_seconds for every group, beside push_time_seconds.',
    ),
  },
  ingest: {
    timestamps: setting(
      choice('strip', 'honor', 'reject'),
      'strip',
      'What to do with a timestamp on a pushed sample. One of: [strip, honor, reject]',
    ),
    max_line_bytes: setting(bytes('1KiB', '16MiB'), '256KiB', 'Longest line of a pushed body.'),
    max_concurrent: setting(integer(1, 1_000_000), '128', 'Bodies read at once; more of them wait.'),
    min_rate: setting(
      bytes('0', '1GiB'),
      '64B',
      'Slowest sender: a body that brings fewer bytes per second over 30 s is cut off; 0 for no limit.',
    ),
  },
  telemetry: {
    in_metrics: setting(boolean, 'false', "Show the gateway's own metrics on the metrics path, too."),
  },
  metrics: {
    compression: setting(boolean, 'true', 'Compress scrapes with gzip when the client asks for it.'),
    max_concurrent: setting(integer(1, 1_000_000), '8', 'Scrapes answered at once; more of them wait.'),
    timeout: setting(duration('0', '24h'), '2m', 'Longest duration of one scrape; 0 for no limit.'),
  },
} as const;

/** The values of the whole schema, nested as in the file. */
export type Values = ValuesOf<typeof schema>;
type ValuesOf<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : ValuesOf<S[K]> };

export interface NamedSetting extends Setting<unknown> {
  /** Path in the file, such as `redis.master_name`. */
  readonly key: string;
  /** Name of the flag without dashes. */
  readonly flag: string;
  /** Environment variable. */
  readonly env: string;
}

/** The settings in order of the schema. */
export const settings: readonly NamedSetting[] = nameSettings(schema, []);

export const settingsByKey: ReadonlyMap<string, NamedSetting> = new Map(settings.map((s) => [s.key, s]));

function nameSettings(tree: object, parents: readonly string[]): NamedSetting[] {
  return Object.entries(tree).flatMap(([name, node]: [string, object]) => {
    const path = [...parents, name];
    if (!isSetting(node)) {
      return nameSettings(node, path);
    }
    const key = path.join('.');
    return [{ ...node, key, flag: node.flag ?? flagOf(path), env: envOf(key) }];
  });
}

/** convict tells a setting from a group of them by the same mark. */
export function isSetting(node: object): node is Setting<unknown> {
  return 'default' in node;
}

/** `log_level` → `log.level`, `redis.master_name` → `redis.master-name`. */
function flagOf(path: readonly string[]): string {
  return path.length === 1
    ? (path[0] as string).replaceAll('_', '.')
    : path.map((part) => part.replaceAll('_', '-')).join('.');
}

/** `redis.master_name` → `PUSHGATEWAY_REDIS_MASTER_NAME`. */
function envOf(key: string): string {
  return `PUSHGATEWAY_${key.replaceAll('.', '_').toUpperCase()}`;
}
