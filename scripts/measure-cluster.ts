/**
 * Measures what a Cluster of three masters costs against one server, in one run: ingest and scrape of a million series
 * in 100 families, taken in turn, and how much of them each master holds. The nodes of the Cluster have no replicas, or
 * copying would be measured, too: with `replicas`, a second Cluster that has them takes part.
 *
 *     npm run build && node --import tsx scripts/measure-cluster.ts [ROUNDS=7] [replicas]
 */
import { Agent, request } from 'node:http';
import { bucketOf } from '../src/redis/keys.ts';
import { MIB, SECOND } from '../src/units.ts';
import { Gateway } from '../test/support/gateway.ts';
import { RedisCluster } from '../test/support/redis-cluster.ts';
import { RedisServer } from '../test/support/redis-server.ts';

const FAMILIES = 100;
const SERIES = 1_000_000;
const SEED = 20_251_124;
/** Every fifth family is a histogram, with so many buckets: 12 lines each. */
const BUCKETS = 10;
const WORDS = ['api', 'batch', 'cache', 'disk', 'edge', 'flow', 'grid', 'http', 'index', 'job'];

interface Rig extends AsyncDisposable {
  readonly name: string;
  readonly gateway: Gateway;
  readonly masters: readonly RedisServer[];
  readonly masterOf: (key: string) => Promise<RedisServer>;
  readonly emptyBytes: readonly number[];
  readonly ingestMs: number[];
  readonly scrapeMs: number[];
}

async function rig(name: string, redis: RedisServer | RedisCluster): Promise<Rig> {
  const isCluster = redis instanceof RedisCluster;
  const masters = isCluster ? await redis.masters() : [redis];
  const endpoints = isCluster ? redis.endpoints : [redis.endpoint];
  const gateway = await Gateway.ready({ built: true, args: [`--redis.endpoint=${endpoints.join(',')}`] });
  return {
    name,
    gateway,
    masters,
    masterOf: async (key) => (isCluster ? redis.masterOf(key) : redis),
    emptyBytes: await Promise.all(masters.map(usedBytes)),
    ingestMs: [],
    scrapeMs: [],
    [Symbol.asyncDispose]: async () => {
      await gateway.stop();
      await redis[Symbol.asyncDispose]();
    },
  };
}

async function usedBytes(server: RedisServer): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await server.cli('INFO', 'memory'))?.[1]);
}

/** Mulberry32: the same numbers in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function familyName(index: number): string {
  const area = `${WORDS[index % 10]}_${WORDS[Math.floor(index / 10)]}`;
  return index % 5 === 0 ? `${area}_duration_seconds` : `${area}_items${index % 2 === 0 ? '_total' : ''}`;
}

/** The same series each time, with values of their own for each round. About 140 bytes a line. */
function body(round: number): Buffer {
  const random = randomFrom(SEED + round);
  const parts: Buffer[] = [];
  for (let family = 0; family < FAMILIES; family++) {
    const name = familyName(family);
    const isHistogram = family % 5 === 0;
    const type = isHistogram ? 'histogram' : family % 2 === 0 ? 'counter' : 'gauge';
    const lines = [`# HELP ${name} What ${name} counts.\n# TYPE ${name} ${type}\n`];
    const count = SERIES / FAMILIES;
    for (let series = 0; series < count; ) {
      const labels = `cluster="eu-${series % 7}",instance="10.${family}.${series >> 8}.${series & 255}:9100",job="measured",path="/v1/things/${series % 100}",site="${series % 11}"`;
      if (!isHistogram) {
        lines.push(`${name}{${labels},state="${series % 3}"} ${(random() * 1e6).toFixed(3)}\n`);
        series += 1;
        continue;
      }
      let sum = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        sum += Math.floor(random() * 100);
        const le = bucket === BUCKETS - 1 ? '+Inf' : String(2 ** bucket / 100);
        lines.push(`${name}_bucket{${labels},le="${le}"} ${sum}\n`);
      }
      lines.push(
        `${name}_sum{${labels}} ${(sum * random()).toFixed(3)}\n`,
        `${name}_count{${labels}} ${sum}\n`,
      );
      series += BUCKETS + 2;
    }
    parts.push(Buffer.from(lines.join('')));
  }
  return Buffer.concat(parts);
}

const agent = new Agent({ keepAlive: true });

/** One request; resolves with what was answered: its status, length, and the text of a short one. */
function exchange(
  gateway: Gateway,
  path: string,
  sent?: Buffer,
): Promise<{ status: number; bytes: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(gateway.url);
    const method = sent === undefined ? 'GET' : 'POST';
    const headers = sent === undefined ? {} : { 'content-length': sent.length };
    const asked = request({ hostname, port, path, method, headers, agent }, (answer) => {
      let [bytes, text] = [0, ''];
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes < 10_000) text += chunk.toString();
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, bytes, text }));
      answer.on('error', reject);
    });
    asked.on('error', reject).end(sent);
  });
}

async function timed(times: number[], isMeasured: boolean, what: () => Promise<void>): Promise<void> {
  const begun = performance.now();
  await what();
  if (isMeasured) times.push(performance.now() - begun);
}

async function round(
  { gateway, ingestMs, scrapeMs }: Rig,
  pushed: Buffer,
  isMeasured: boolean,
): Promise<void> {
  await timed(ingestMs, isMeasured, async () => {
    const { status, text } = await exchange(gateway, '/ingest', pushed);
    if (status !== 200) throw new Error(`a push was answered ${status}: ${text}`);
  });
  await timed(scrapeMs, isMeasured, async () => {
    const { status, bytes } = await exchange(gateway, '/metrics');
    if (status !== 200 || bytes < pushed.length * 0.9) throw new Error(`a scrape: ${status}, ${bytes} bytes`);
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function shares({ masters, masterOf, emptyBytes }: Rig): Promise<string> {
  const families = new Map(masters.map((master) => [master, 0]));
  for (let family = 0; family < FAMILIES; family++) {
    const master = await masterOf(`{${bucketOf(familyName(family))}}`);
    families.set(master, (families.get(master) ?? 0) + 1);
  }
  const bytes = (await Promise.all(masters.map(usedBytes))).map((used, i) => used - emptyBytes[i]);
  const all = bytes.reduce((sum, used) => sum + used, 0);
  return masters
    .map((master, i) => {
      const held = `${(bytes[i] / MIB).toFixed(0)} MiB (${((bytes[i] / all) * 100).toFixed(0)} %)`;
      return `${held} with ${families.get(master)} % of the series`;
    })
    .join(', ');
}

const words = process.argv.slice(2);
const rounds = Number(words.find((word) => /^\d+$/.test(word)) ?? 7);

await using one = await rig('one server', await RedisServer.start());
await using three = await rig(
  'three masters',
  await RedisCluster.start({ replicas: 0, nodeTimeoutMs: 20 * SECOND }),
);
const rigs = [one, three];
await using copied = words.includes('replicas')
  ? await rig('three masters with a replica each', await RedisCluster.start({ nodeTimeoutMs: 20 * SECOND }))
  : undefined;
if (copied !== undefined) rigs.push(copied);

const bodies = [body(0), body(1)];
console.log(
  `${SERIES} series in ${FAMILIES} families, ${(bodies[0].length / 1e6).toFixed(0)} MB, ${rounds} rounds`,
);
for (let i = 0; i <= rounds; i++) {
  // Whoever comes first in one round comes last in the next. The first push of all is not counted: nothing is compiled yet.
  for (const taking of i % 2 === 0 ? rigs : [...rigs].reverse()) await round(taking, bodies[i % 2], i > 0);
}
for (const { name, ingestMs, scrapeMs } of rigs) {
  // Of each round for itself: what else the machine does then slows down both.
  const ratio = (times: number[], of: number[]): string =>
    median(times.map((ms, i) => ms / of[i])).toFixed(2);
  const all = (times: number[]): string => times.map((ms) => (ms / SECOND).toFixed(2)).join(' ');
  console.log(
    [
      `${name}: ingest ${(median(ingestMs) / SECOND).toFixed(2)} s (${all(ingestMs)})`,
      `scrape ${(median(scrapeMs) / SECOND).toFixed(2)} s (${all(scrapeMs)})`,
      `ratio ${ratio(ingestMs, one.ingestMs)} and ${ratio(scrapeMs, one.scrapeMs)}`,
    ].join(', '),
  );
}
for (const each of rigs.slice(1)) console.log(`${each.name}: ${await shares(each)}`);
agent.destroy();
