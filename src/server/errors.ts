import { StoreError } from '../redis/failure.ts';

/** Every way in which the server refuses or fails a request, and the status that says so: the one place that decides. */
const STATUS = {
  ERR_BAD_BODY: 400,
  ERR_BAD_QUERY: 400,
  ERR_NOT_FOUND: 404,
  ERR_METHOD_NOT_ALLOWED: 405,
  ERR_SLOW_BODY: 408,
  ERR_LINE_TOO_LONG: 413,
  ERR_TOO_MANY_TYPES: 413,
  ERR_MESSAGE_TOO_LONG: 413,
  ERR_FAMILY_TOO_LONG: 413,
  ERR_CONTENT_ENCODING: 415,
  // The client has gone, so nobody sees this one; the figure is nginx's, for the log and the telemetry.
  ERR_CLIENT_GONE: 499,
  ERR_INTERNAL: 500,
  ERR_WORKER_BROKE: 500,
  ERR_BUSY: 503,
  ERR_DRAINING: 503,
  ERR_STORE: 503,
  ERR_SCRAPE_TIMEOUT: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** A request that cannot be served. The message is for its sender: a sentence that names the limit and its setting. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: ErrorCode;
  /** Headers that belong to the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message, options);
    this.code = code;
    this.headers = options.headers ?? {};
  }
}

/** The gateway cannot start. The message is one line for the operator. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export interface Problem {
  readonly status: number;
  readonly code: ErrorCode | 'ERR_HTTP';
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the sender is told of an error: of an unexpected one only that it happened. */
export function toProblem(error: unknown): Problem {
  const { code, message, headers } = describe(error);
  if (code === 'ERR_HTTP') return { status: (error as { status: number }).status, code, message, headers };
  const status = STATUS[code];
  return { status, code, message, headers: status === 503 ? { 'Retry-After': '1', ...headers } : headers };
}

function describe(error: unknown): Omit<Problem, 'status'> {
  if (error instanceof RequestError) return error;
  if (error instanceof StoreError) return { code: 'ERR_STORE', message: error.message, headers: {} };
  if (error instanceof Error && isClientFault(error)) {
    return { code: 'ERR_HTTP', message: error.message, headers: {} };
  }
  return { code: 'ERR_INTERNAL', message: 'internal error; the log of the gateway says more', headers: {} };
}

/** Express and its parts mark what the client did wrong with a status of 4xx, and say if the message may be shown. */
function isClientFault(error: Error): boolean {
  const { status, expose } = error as { status?: unknown; expose?: unknown };
  return typeof status === 'number' && status >= 400 && status < 500 && expose !== false;
}
