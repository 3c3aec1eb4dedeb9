import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { compactFamily } from '../../src/redis/compaction.ts';
import { deleteGroup } from '../../src/redis/group-store.ts';
import { READ_LIMITS } from '../../src/redis/read-limits.ts';
import { BLOCKS_PER_RESERVATION, openSequences, SEQUENCES_PER_BLOCK } from '../../src/redis/sequences.ts';
import { seriesOf, TestStorage } from '../support/storage.ts';
import { startTopology, type Topology } from '../support/topology.ts';
import { SeriesModel } from './series-model.ts';

/*
 * Random pushes, to groups and to none, deletions, scrapes, compactions and steps of Redis's clock, through two gateways, each scrape and compaction
 * interrupted by others of these between any two of its steps; after each scrape it is compared with a plain map.
 */
const FAMILY = 'm';
const SERIES = 12;
/** From this value on all are so long that their blocks are large, and the family gets an order. */
const LONG_FROM = [0, 25, Number.POSITIVE_INFINITY];
const LONG = 5000;
/** In one reply, or in pages. */
const READINGS = ['whole', 'paged'] as const;
type Reading = (typeof READINGS)[number];
const SMALL_PAGES = { ...READ_LIMITS, onceBytes: 0, pageBlocks: 2, pageBytes: 1e9 };
/** By gateway: one keeps what it has read of blocks that it is to rewrite, the other reads it once more. */
const SMALL_STEPS = [0, 1e9].map((keptBytes) => ({
  ...{ readBlocks: 2, readBytes: 1e9, changeBlocks: 1, changeBytes: 1e9, keptBytes },
}));

type Step =
  /** Blocks of series; those of a body of several blocks reach Redis in an order of their own. */
  | { do: 'push'; gateway: number; blocks: number[][]; shuffled: boolean; ttlMs: number }
  /** Blocks of series of a group; no block: its deletion. Others may push the same series to no group. */
  | { do: 'group'; gateway: number; group: number; blocks: number[][]; mode: 'put' | 'merge'; ttlMs: number }
  | { do: 'scrape'; gateway: number; how: Reading; between: Step[][] }
  | { do: 'compact'; gateway: number; between: Step[][] }
  | { do: 'clock'; offsetMs: number }
  | { do: 'wait'; ms: number };

function steps(ttls: readonly number[], extra: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> {
  const gateway = fc.nat(1);
  const block = fc.uniqueArray(fc.nat(SERIES - 1), { minLength: 1, maxLength: 6 });
  const push = fc.record({
    do: fc.constant('push' as const),
    gateway,
    blocks: fc.array(block, { minLength: 1, maxLength: 4 }),
    shuffled: fc.boolean(),
    ttlMs: fc.constantFrom(...ttls),
  });
  const group = fc.record({
    do: fc.constant('group' as const),
    gateway,
    group: fc.nat(1),
    // A body has each series once.
    blocks: fc
      .uniqueArray(fc.nat(SERIES - 1), { maxLength: 6 })
      .chain((series) => fc.nat(series.length).map((cut) => [series.slice(0, cut), series.slice(cut)]))
      .map((blocks) => blocks.filter((block) => block.length > 0)),
    mode: fc.constantFrom('put' as const, 'merge' as const),
    ttlMs: fc.constantFrom(...ttls),
  });
  const leaf = fc.oneof(
    { arbitrary: push, weight: 4 },
    { arbitrary: group, weight: 4 },
    { arbitrary: extra, weight: 1 },
  );
  const nested = (depth: number): fc.Arbitrary<Step> => {
    const inner =
      depth === 0
        ? leaf
        : fc.oneof({ arbitrary: leaf, weight: 3 }, { arbitrary: nested(depth - 1), weight: 2 });
    const between = fc.array(fc.array(inner, { maxLength: 2 }), { maxLength: 5 });
    return fc.oneof(
      fc.record({ do: fc.constant('scrape' as const), gateway, how: fc.constantFrom(...READINGS), between }),
      fc.record({ do: fc.constant('compact' as const), gateway, between }),
    );
  };
  return fc.array(fc.oneof({ arbitrary: leaf, weight: 3 }, { arbitrary: nested(1), weight: 3 }), {
    minLength: 5,
    maxLength: 25,
  });
}

class Run {
  readonly #gateways: readonly TestStorage[];
  readonly #model = new SeriesModel();
  readonly #longFrom: number;
  #value = 0;

  constructor(gateways: readonly TestStorage[], longFrom: number) {
    this.#gateways = gateways;
    this.#longFrom = longFrom;
  }

  #nextValue(): string {
    return String(++this.#value).padStart(this.#value > this.#longFrom ? LONG : 0, '0');
  }

  async carryOut(step: Step): Promise<void> {
    if (step.do === 'wait') return void (await sleep(step.ms));
    if (step.do === 'clock') return this.#gateways[0].setClock(step.offsetMs);
    const gateway = this.#gateways[step.gateway];
    if (step.do === 'push') return this.#push(gateway, step);
    if (step.do === 'group') return this.#pushToGroup(gateway, step);
    const between = step.between.values();
    const pause = async (): Promise<void> => {
      for (const other of between.next().value ?? []) await this.carryOut(other);
    };
    if (step.do === 'compact') {
      await compactFamily(gateway.connection, gateway.keys, FAMILY, {
        pause,
        limits: SMALL_STEPS[step.gateway] ?? SMALL_STEPS[0],
      });
    } else {
      await this.#scrape(gateway, step.how === 'paged' ? { pause, limits: SMALL_PAGES } : {});
    }
  }

  async #scrape(gateway: TestStorage, options: Parameters<TestStorage['scrape']>[0]): Promise<void> {
    const begun = Date.now();
    const shown = seriesOf(await gateway.scrape(options));
    this.#model.check(shown, begun, Date.now());
  }

  async #push(
    gateway: TestStorage,
    { blocks, shuffled, ttlMs }: Extract<Step, { do: 'push' }>,
  ): Promise<void> {
    const sent = Date.now();
    const values: Array<[series: string, value: string]> = [];
    const writes = blocks.map((block) => {
      // Some of them are series that groups push as well: there, too, the latest counts.
      const labelsOf = (i: number) => (i < SERIES / 2 ? `s="${i}"` : `g="${i % 2}",s="${i}"`);
      const series = block.map((i): [string, string] => [labelsOf(i), this.#nextValue()]);
      // Of the same series in two blocks of a body, the later one counts. A scrape during the push may see the first.
      for (const [labels, value] of series) values.push([`${FAMILY}{${labels}}`, value]);
      return gateway.family(FAMILY, [gateway.block(FAMILY, series)]);
    });
    if (writes.length === 1) {
      await this.#commit(gateway, writes, { ttlMs });
    } else {
      const base = await openSequences(gateway.connection, gateway.keys);
      const commits = writes.map((write, i) => () => {
        assert.ok(i < BLOCKS_PER_RESERVATION);
        return this.#commit(gateway, [write], {
          ttlMs,
          sequences: base.map((s) => s + i * SEQUENCES_PER_BLOCK),
        });
      });
      for (const commit of shuffled ? commits.reverse() : commits) await commit();
    }
    const acknowledged = Date.now();
    for (const [series, value] of values) this.#model.push(series, { value, sent, acknowledged, ttlMs });
  }

  async #pushToGroup(
    gateway: TestStorage,
    { group, blocks, mode, ttlMs }: Extract<Step, { do: 'group' }>,
  ): Promise<void> {
    const sent = Date.now();
    const key = [['g', String(group)]] as const;
    const values = new Map<string, string>();
    const written = blocks.map((block) => {
      const series = block.map((i): [string, string] => [`g="${group}",s="${i}"`, this.#nextValue()]);
      for (const [labels, value] of series) values.set(`${FAMILY}{${labels}}`, value);
      return gateway.block(FAMILY, series);
    });
    if (blocks.length === 0) {
      await deleteGroup(gateway.connection, gateway.keys, key, { timeoutMs: 5000 });
    } else {
      const family = {
        name: FAMILY,
        kind: 'plain',
        type: 'gauge',
        help: undefined,
        unit: undefined,
      } as const;
      const outcome = await gateway.pushGroupOf(key, [{ ...family, blocks: written }], { mode, ttlMs });
      assert.equal(outcome.status, 'stored', JSON.stringify(outcome));
    }
    const acknowledged = Date.now();
    for (const name of this.#model.names()) {
      const before = this.#model.latestOf(name, group);
      if (before === undefined || values.has(name)) continue;
      // A merge prolongs what it does not name, unless that has ended already.
      const next =
        mode === 'merge' && blocks.length > 0
          ? { value: before.value, uncertain: before.ttlMs > 0 || before.uncertain === true }
          : { value: undefined };
      this.#model.push(name, { ...next, sent, acknowledged, ttlMs, group });
    }
    for (const [name, value] of values) this.#model.push(name, { value, sent, acknowledged, ttlMs, group });
  }

  async #commit(gateway: TestStorage, ...args: Parameters<TestStorage['commit']>): Promise<void> {
    for (const { outcome } of await gateway.commit(...args)) {
      assert.equal(outcome.status, 'stored', JSON.stringify(outcome));
    }
  }
}

let redis: Topology;
let gateways: TestStorage[];

before(async () => {
  redis = await startTopology();
  gateways = [await TestStorage.connect(redis), await TestStorage.connect(redis)];
});

after(async () => {
  for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
  await redis.stop();
});

async function holds(list: Step[], longFrom: number): Promise<void> {
  await redis.flush();
  const run = new Run(gateways, longFrom);
  for (const step of list) await run.carryOut(step);
  await run.carryOut({ do: 'scrape', gateway: 0, how: 'paged', between: [] });
  await run.carryOut({ do: 'compact', gateway: 1, between: [] });
  const { noted, ...counts } = await gateways[0].countsOf(FAMILY);
  assert.deepEqual(noted, counts);
  await run.carryOut({ do: 'scrape', gateway: 1, how: 'whole', between: [] });
}

const longFrom = fc.constantFrom(...LONG_FROM);
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 150);

test('what is shown is what a plain map holds, with times to live from short to never', async () => {
  const waits = fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(30, 120) });
  await fc.assert(fc.asyncProperty(steps([0, 300_000, 150, 60], waits), longFrom, holds), {
    numRuns: RUNS,
    endOnFailure: true,
  });
});

test('what is shown is what a plain map holds, while the clock of Redis steps back and forth', async () => {
  const clock = fc.record({
    do: fc.constant('clock' as const),
    offsetMs: fc.constantFrom(0, -20_000, 20_000, -3),
  });
  await fc.assert(fc.asyncProperty(steps([0, 300_000], clock), longFrom, holds), {
    numRuns: RUNS,
    endOnFailure: true,
    includeErrorInReport: true,
  });
});
