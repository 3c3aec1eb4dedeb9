/**
 * How long a push of ten series takes with ten groups held, and with many more, in one run: starts a Redis and a gateway
 * of its own. Usage: npx tsx scripts/measure-groups-held.ts [GROUPS]   (100,000 unless given)
 */
import { Agent, request } from 'node:http';
import { Gateway } from '../test/support/gateway.ts';
import { RedisServer } from '../test/support/redis-server.ts';

const FEW_GROUPS = 10;
const MEASURED_PUSHES = 2_000;
const WARM_UP_PUSHES = 2_000;
const CLIENTS = 16;
const many = Number(process.argv[2] ?? 100_000);

const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });

await using redis = await RedisServer.start();
await using gateway = await Gateway.ready({ redisPort: redis.port, args: ['--redis.expiration=0'] });

await hold(0, FEW_GROUPS);
await measure(WARM_UP_PUSHES);
const few = report(FEW_GROUPS, await measure(MEASURED_PUSHES));
const start = performance.now();
await hold(FEW_GROUPS, many);
console.log(
  `${many - FEW_GROUPS} pushes in ${((performance.now() - start) / 1000).toFixed(1)} s, ${CLIENTS} at a time`,
);
const full = report(many, await measure(MEASURED_PUSHES));
console.log(`ratio of the medians: ${(full / few).toFixed(2)}`);
agent.destroy();

/** Pushes to the groups from one number up to, and without, another. */
async function hold(from: number, to: number): Promise<void> {
  let next = from;
  const client = async (): Promise<void> => {
    for (let group = next++; group < to; group = next++) await push(group, 0);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** One client, one push after the other, to the groups that were there from the start. Durations in ms, sorted. */
async function measure(pushes: number): Promise<number[]> {
  const durations: number[] = [];
  for (let i = 0; i < pushes; i++) {
    const begun = performance.now();
    await push(i % FEW_GROUPS, i);
    durations.push(performance.now() - begun);
  }
  return durations.sort((a, b) => a - b);
}

function report(groups: number, durations: readonly number[]): number {
  const at = (share: number): number => durations[Math.floor(durations.length * share)];
  console.log(
    `${groups} groups held: median ${at(0.5).toFixed(3)} ms, 90 % ${at(0.9).toFixed(3)} ms, 99 % ${at(0.99).toFixed(3)} ms`,
  );
  return at(0.5);
}

function push(group: number, value: number): Promise<void> {
  const lines = ['# TYPE batch_items gauge\n'];
  for (let i = 0; i < 10; i++) lines.push(`batch_items{step="${i}"} ${value + i}\n`);
  const options = {
    port: gateway.port,
    host: '127.0.0.1',
    method: 'PUT',
    path: `/metrics/job/batch/run/${group}`,
    agent,
  };
  return new Promise((resolve, reject) => {
    const sent = request(options, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`a push was answered ${answer.statusCode}`));
      });
    });
    sent.on('error', reject).end(lines.join(''));
  });
}
