/** Why Redis did not do what it was asked, short and stable: a label of the telemetry and a phrase of the answers. */
export type FailureReason =
  | 'timeout'
  | 'connection'
  | 'oom'
  | 'loading'
  | 'readonly'
  | 'misconf'
  | 'noreplicas'
  | 'noperm'
  | 'auth'
  | 'clusterdown'
  | 'migrating'
  | 'busy'
  | 'clock'
  | 'churn'
  | 'identity'
  | 'other';

// What passes by itself, often within a failover. What was not answered in time is not among them: who waits for it has
// waited long enough.
const PASSING: ReadonlySet<FailureReason> = new Set([
  'connection',
  'loading',
  'readonly',
  'clusterdown',
  'migrating',
]);

/** A failure of Redis or on the way to it. The message is safe to show: it names no key's content and no password. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly reason: FailureReason;
  /** Redis has certainly done nothing: it was not even asked. */
  readonly unsent: boolean;
  /** The same may succeed in a moment. */
  readonly passing: boolean;

  constructor(
    reason: FailureReason,
    message: string,
    options?: ErrorOptions & { unsent?: boolean; passing?: boolean },
  ) {
    super(message, options);
    this.reason = reason;
    this.unsent = options?.unsent ?? false;
    this.passing = options?.passing ?? PASSING.has(reason);
  }
}

export function connectionLost(cause?: unknown): StoreError {
  return new StoreError('connection', 'the connection to Redis is down', { cause });
}

// What Redis's error replies start with (https://redis.io/docs/latest/develop/reference/protocol-spec/, simple errors).
const REPLIES: ReadonlyArray<readonly [prefix: string, reason: FailureReason, meaning: string]> = [
  ['OOM', 'oom', 'Redis is out of memory (maxmemory)'],
  ['LOADING', 'loading', 'Redis is loading its data'],
  ['READONLY', 'readonly', 'Redis is a read-only replica'],
  ['MISCONF', 'misconf', 'Redis refuses writes because it cannot save to disk'],
  ['NOREPLICAS', 'noreplicas', 'Redis refuses writes because it has too few replicas'],
  ['NOPERM', 'noperm', 'the Redis user may not run a command that is needed'],
  ['WRONGPASS', 'auth', 'Redis refuses the user name or password'],
  ['NOAUTH', 'auth', 'Redis asks for a password'],
  ['ERR AUTH', 'auth', 'Redis refuses the user name or password'],
  ['ERR invalid password', 'auth', 'Redis refuses the user name or password'],
  ['CLUSTERDOWN', 'clusterdown', 'the Redis cluster is down'],
  ['MASTERDOWN', 'clusterdown', 'the Redis replica has lost its master'],
  ['TRYAGAIN', 'migrating', 'the Redis cluster is just moving the keys to another node'],
  ['UNBLOCKED', 'readonly', 'Redis has become a replica'],
  ['ERR WAIT cannot be used with replica', 'readonly', 'Redis has become a replica'],
  ['MOVED', 'other', 'Redis is a node of a cluster and sends us to another one (redis.mode)'],
  ['BUSY', 'busy', 'Redis is busy running a script'],
];

const LOST =
  /^(Connection is closed|Reached the max retries per request limit|Stream isn't writeable|connect E|read E|write E|getaddrinfo|Socket closed|Command aborted|All sentinels are unreachable)/;

// https://nodejs.org/api/tls.html#x509-certificate-error-codes
const CERTIFICATE = /CERT|^UNABLE_TO_|^CRL_|^HOSTNAME_MISMATCH$/;

/** Turns whatever the client library threw into a StoreError. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (message === 'Command timed out' || message === 'connect ETIMEDOUT') {
    return new StoreError('timeout', 'Redis did not answer in time', { cause: error });
  }
  // A transaction that is not carried out says why behind this, and the commands of it say so before.
  const said = message.replace(/^EXECABORT Transaction discarded because of: -?/, '');
  // An error inside a script comes as `OOM … script: …` or as `ERR … -OOM …`, depending on the version.
  for (const [prefix, reason, meaning] of REPLIES) {
    if (said.startsWith(prefix) || said.includes(`-${prefix} `)) {
      return new StoreError(reason, meaning, { cause: error });
    }
  }
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (CERTIFICATE.test(code ?? '')) {
    return new StoreError(
      'connection',
      `the certificate of Redis is not accepted: ${message.slice(0, 200)}`,
      { cause: error },
    );
  }
  if (LOST.test(message) || /^E[A-Z]+$/.test(code ?? '')) {
    return connectionLost(error);
  }
  return new StoreError('other', `Redis answered: ${message.slice(0, 200)}`, { cause: error });
}
