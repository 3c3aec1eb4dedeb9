import { SECOND } from '../../src/units.ts';
import { isSuccess, KeepAliveClient, type Request } from './keep-alive-client.ts';

export interface LoadOptions {
  readonly port: number;
  readonly clients: number;
  /** Ends after so many requests, or after so many seconds: what is not answered by then does not count. */
  readonly count?: number;
  readonly seconds?: number;
  /** Answers other than 2xx are counted, and not an error. */
  readonly mayRefuse?: boolean;
  /** Waits so long before each request but the first of a client. */
  readonly pauseMs?: number;
  /** The request with this number, counted over all clients. */
  readonly next: (number: number) => Request;
}

export interface LoadResult {
  readonly answered: number;
  readonly refused: number;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  /** How long the oldest request had been waiting that was not answered at the end; 0 if all were. */
  readonly oldestWaitingMs: number;
}

/** Clients that each send a request when the one before is answered. Any answer but 2xx is an error, unless it may be. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { port, count = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY } = options;
  const clients = await Promise.all(
    Array.from({ length: options.clients }, () => KeepAliveClient.connect(port)),
  );
  const latenciesMs: number[] = [];
  const waiting = new Map<KeepAliveClient, number>();
  let number = 0;
  let refused = 0;
  let over = false;
  const run = async (client: KeepAliveClient): Promise<void> => {
    while (!over && number < count) {
      const request = options.next(number++);
      const begun = performance.now();
      waiting.set(client, begun);
      const { status, text } = await client.send(request);
      if (over) return;
      waiting.delete(client);
      if (!isSuccess(status) && options.mayRefuse) refused++;
      else if (!isSuccess(status))
        throw new Error(`${request.method} ${request.path} was answered ${status}: ${text}`);
      latenciesMs.push(performance.now() - begun);
      if (options.pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.pauseMs));
    }
  };
  const begun = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    if (seconds < Number.POSITIVE_INFINITY) timer = setTimeout(resolve, seconds * SECOND);
  });
  try {
    await Promise.race([Promise.all(clients.map(run)), timeUp]);
    over = true;
    const end = performance.now();
    const oldest = Math.min(end, ...waiting.values());
    return {
      answered: latenciesMs.length,
      refused,
      seconds: (end - begun) / SECOND,
      latenciesMs,
      oldestWaitingMs: end - oldest,
    };
  } finally {
    over = true;
    clearTimeout(timer);
    for (const client of clients) client[Symbol.dispose]();
  }
}
