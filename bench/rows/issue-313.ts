import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { isSuccess, KeepAliveClient } from '../clients/keep-alive-client.ts';
import { randomNumbers } from '../data/random.ts';
import { SourceBody } from '../data/source-body.ts';
import { cpuSeconds } from '../measure/process-usage.ts';
import { percentile } from '../measure/statistics.ts';
import { type GatewayUnderTest, scrape } from '../programs/gateway-under-test.ts';
import { Official } from '../programs/official.ts';
import type { Row } from '../row.ts';
import { count, hold, notes, pushOfSource, slowCommands } from './parts.ts';

const CLIENTS = 100;
const PERIOD_SECONDS = 60;
const SCRAPE_SECONDS = 15;

interface Load {
  readonly clients: number;
  readonly periodSeconds: number;
  readonly body: SourceBody;
}

/** https://github.com/prometheus/pushgateway/issues/313 */
export const issue313: Row = {
  name: 'issue-313',
  about: '100 clients × 15,000 series, each pushed once a minute, scraped every 15 s',
  async measure(bench) {
    const body = new SourceBody({ families: 150, seriesPerFamily: 100 });
    const share = bench.size(1, 15);
    const settings = { clients: Math.round(CLIENTS / share), periodSeconds: PERIOD_SECONDS / share, body };
    await using ours = await bench.ours();
    await hold(ours, settings.clients, (source) => pushOfSource(body, source));
    await ours.quiet();
    const cpu = { gateway: cpuSeconds(ours.pid), redis: cpuSeconds(ours.redis.pid) };
    const result = await period(ours, settings);
    const cores = {
      gateway: (cpuSeconds(ours.pid) - cpu.gateway) / result.seconds,
      redis: (cpuSeconds(ours.redis.pid) - cpu.redis) / result.seconds,
    };
    const slow = await slowCommands(ours);

    await using official = await Official.start();
    const theirCpu = cpuSeconds(official.pid);
    const theirs = await period(official, settings);
    const theirCores = (cpuSeconds(official.pid) - theirCpu) / theirs.seconds;
    return [
      {
        what: `slowest of the pushes; ${settings.clients} × ${count(body.series)} series`,
        unit: 's',
        ours: result.slowestSeconds,
        official: theirs.slowestSeconds,
        goals: [{ kind: 'at-most', value: 1 }],
        note: notes(
          `in ${settings.periodSeconds} s ${result.acknowledged} acknowledged here with all held, ${theirs.acknowledged} there from empty`,
          `median ${result.medianSeconds.toFixed(2)} s, ${theirs.medianSeconds.toFixed(2)} s`,
          slow,
        ),
      },
      {
        what: 'CPU',
        unit: 'cores',
        ours: cores.gateway,
        official: theirCores,
        goals: [{ kind: 'at-most', value: 0.3 }],
        note: `Redis ${cores.redis.toFixed(2)} cores`,
      },
    ];
  },
};

interface PeriodResult {
  readonly seconds: number;
  readonly acknowledged: number;
  readonly medianSeconds: number;
  readonly slowestSeconds: number;
}

/** One period: each client pushes once, at its own time; every so often a scrape. It ends when the period does. */
async function period(
  gateway: GatewayUnderTest,
  { clients, periodSeconds, body }: Load,
): Promise<PeriodResult> {
  const random = randomNumbers(313);
  const seconds: number[] = [];
  const sentAt = new Map<KeepAliveClient, number>();
  const over = new AbortController();
  const begun = performance.now();
  const lengthMs = periodSeconds * SECOND;
  const pushOnce = async (source: number): Promise<void> => {
    // The last one has a little time left to be acknowledged in.
    await sleep(random() * (lengthMs - SECOND));
    const request = pushOfSource(body, source);
    const client = await KeepAliveClient.connect(gateway.port);
    const sent = performance.now();
    sentAt.set(client, sent);
    const { status, text } = await client.send(request);
    if (!isSuccess(status)) throw new Error(`a push was answered ${status}: ${text}`);
    seconds.push((performance.now() - sent) / SECOND);
    sentAt.delete(client);
    client[Symbol.dispose]();
  };
  const scraping = scrapeEvery(gateway, Math.min(SCRAPE_SECONDS, periodSeconds / 2) * SECOND, over.signal);
  try {
    const pushes = Promise.all(Array.from({ length: clients }, (_, source) => pushOnce(source)));
    await Promise.race([sleep(lengthMs), pushes.then(() => sleep(lengthMs))]);
    const now = performance.now();
    const waiting = [...sentAt.values()].map((since) => (now - since) / SECOND);
    const all = [...seconds, ...waiting];
    return {
      seconds: (now - begun) / SECOND,
      acknowledged: seconds.length,
      medianSeconds: percentile(all, 0.5),
      slowestSeconds: Math.max(...all),
    };
  } finally {
    over.abort();
    for (const client of sentAt.keys()) client[Symbol.dispose]();
    await scraping;
  }
}

/** Those that take longer than the time between two are followed by the next one at once. */
async function scrapeEvery(gateway: GatewayUnderTest, ms: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const next = sleep(ms, undefined, { signal }).catch(() => {});
    await scrape(gateway, { signal }).catch((error) => {
      if (!signal.aborted) throw error;
    });
    await next;
  }
}
