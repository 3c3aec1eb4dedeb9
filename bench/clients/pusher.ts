/**
 * Sends the same push over and over, and tells how it went as JSON. A process of its own, as how long a push takes is to be
 * known to a millisecond: in the process that runs the benchmark one in a hundred waited for 5 ms and more for the collector
 * and for threads that compile, and for the clients that it starts.
 *
 *     node .run/bench/pusher.js OPTIONS
 */
import { type LoadResult, load } from './load.ts';

export interface PusherOptions {
  readonly port: number;
  readonly path: string;
  readonly body: string;
  /** See LoadOptions. */
  readonly pauseMs: number;
  readonly count: number;
  readonly seconds: number;
}

const { path, body, ...options } = JSON.parse(process.argv[2]) as PusherOptions;
const request = { method: 'POST', path, body: Buffer.from(body) } as const;
const common = { clients: 1, next: () => request } as const;
// It goes when who has started it does.
process.stdin.on('end', () => process.exit(1)).resume();
// What the client itself has to load and to compile is not to count.
await load({ ...common, ...options, count: 1 });
const result: LoadResult = await load({ ...common, ...options });
process.stdout.write(JSON.stringify(result), () => process.exit());
