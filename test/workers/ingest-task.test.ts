import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSequences, SEQUENCES_PER_BLOCK } from '../../src/redis/sequences.ts';
import { DeclaredTypesLog } from '../../src/server/ingest/declared-types.ts';
import { Ingester } from '../../src/workers/ingest-task.ts';
import type { IngestResult, IngestTask } from '../../src/workers/messages.ts';
import { SECRET, seriesOf, useStorage } from '../support/storage.ts';

const { redis, storage } = await useStorage();
let ingester: Ingester;

beforeEach(async () => {
  await storage.connection.command('SET', storage.keys.secret, Buffer.from(SECRET));
  ingester = new Ingester(storage.connection, storage.keys, SECRET);
});

let bodies = 0;

function ingest(text: string, overrides: Partial<IngestTask> = {}): Promise<IngestResult> {
  return ingester.run({
    kind: 'ingest',
    text: Buffer.from(text),
    whole: true,
    bodyId: ++bodies,
    timestamps: 'strip',
    ttlMs: 60_000,
    identity: { secret: SECRET },
    ...overrides,
  });
}

test('what is pushed is shown, with HELP and TYPE', async () => {
  const text = '# HELP x An example.\n# TYPE x counter\nx{a="1"} 1\nx{a="2"} 2.5e3\n';
  const result = await ingest(text);
  assert.equal(result.accepted, 2);
  assert.deepEqual(result.rejected, {});
  assert.equal(await storage.scrape(), text);
});

test('the order of labels, blanks and empty labels make no other series', async () => {
  await ingest('x{a="1",b="2"} 1\n');
  await ingest('x { b = "2" , a="1", c="" } 2\n');
  assert.deepEqual([...seriesOf(await storage.scrape()).values()], ['2']);
});

test('a series that stands twice in a block has the value that stands last', async () => {
  const result = await ingest('x{a="1"} 1\nx{a="2"} 1\nx{a="1"} 2\n');
  assert.equal(result.accepted, 3);
  assert.equal(seriesOf(await storage.scrape()).get('x{a="1"}'), '2');
});

test('names are forgotten for others: of very many histograms and others, text after text, each is what it is', async () => {
  const expected = new Map<string, string>();
  for (let round = 0; round < 4; round++) {
    const lines: string[] = [];
    // With the names of their samples these are more than are known from one text to the next.
    for (let i = 0; i < 1500; i++) {
      const name = `h${round}_${i}`;
      lines.push(`# TYPE ${name} histogram`);
      for (const [sample, value] of [
        [`${name}_bucket{le="+Inf"}`, `${i}`],
        [`${name}_sum`, `${round}`],
        [`${name}_count`, `${i}`],
      ]) {
        lines.push(`${sample} ${value}`);
        expected.set(sample, value);
      }
      // What looks like a part of one, and is none.
      const plain = `g${round}_${i}_count`;
      lines.push(`${plain} ${i}`);
      expected.set(plain, `${i}`);
    }
    const result = await ingest(`${lines.join('\n')}\n`);
    assert.deepEqual(result.rejected, {});
    assert.equal(result.accepted, 6000);
  }
  const exposition = await storage.scrape();
  assert.deepEqual(seriesOf(exposition), expected);
  assert.equal(exposition.match(/^# TYPE h\d+_\d+ histogram$/gm)?.length, 6000);
  assert.equal(exposition.match(/^# TYPE g\d+_\d+_count untyped$/gm)?.length, 6000);
});

test('a type counts for all of a block of very many families, whatever stands between it and its samples', async () => {
  const others = Array.from({ length: 10_000 }, (_, i) => `f${i} ${i}\n`).join('');
  const samples = 'h_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n';
  const result = await ingest(`# TYPE h histogram\n${others}${samples}`, { whole: false });
  assert.deepEqual(result.rejected, {});
  assert.equal(result.accepted, 10_003);
  assert.ok((await storage.scrape()).includes(`# TYPE h histogram\n${samples}`));
});

test('a block of very many families is stored whole, with its lines numbered through', async () => {
  const count = 20_000;
  const lines = Array.from({ length: count }, (_, i) => `f${i % 15_000} ${i}\n`);
  lines[12_345] = 'bad{\n';
  const base = await openSequences(storage.connection, storage.keys);
  const result = await ingest(lines.join(''), { whole: false, sequences: base });
  assert.equal(result.accepted, count - 1);
  assert.equal(result.lines, count);
  assert.deepEqual(
    result.errors.map(({ line }) => line),
    [12_346],
  );
  const shown = seriesOf(await storage.scrape());
  assert.equal(shown.size, 15_000 - 1);
  // Of those that came twice the later one counts, though it was read in another part of the block.
  assert.deepEqual([shown.get('f1'), shown.get('f4999'), shown.get('f5000')], ['15001', '19999', '5000']);
});

test('a history of one series is one block, all of it is counted, and its last line is shown', async () => {
  const base = await openSequences(storage.connection, storage.keys);
  const history = Array.from({ length: 6000 }, (_, i) => `x ${i}\n`).join('');
  const bodyId = ++bodies;
  const later = await ingest('x 999999\n', {
    bodyId,
    whole: false,
    sequences: base.map((s) => s + SEQUENCES_PER_BLOCK),
  });
  const result = await ingest(history, { bodyId, whole: false, sequences: base });
  assert.deepEqual([result.accepted, later.accepted], [6000, 1]);
  assert.equal(await storage.blocksOf('x'), 1);
  assert.deepEqual([...seriesOf(await storage.scrape())], [['x', '999999']]);
});

test('a large family that is taken at first and stored at the second try keeps its order in the body', async () => {
  const series = 8000;
  const body = (value: number) =>
    Array.from({ length: series }, (_, i) => `x{host="node-${i}.example.org",n="${i}"} ${value}\n`).join('');
  await ingest('# TYPE x counter\nx 1\n', { ttlMs: 0 });
  await ingest('# TYPE x counter\nx 1\n', { ttlMs: 100 });
  await sleep(150);
  const base = await openSequences(storage.connection, storage.keys);
  const first = await ingest(`# TYPE x gauge\n${body(1)}`, { whole: false, sequences: base });
  assert.equal(first.accepted, series);
  const [order] = (await redis.cli('KEYS', '*:s:x')).split('\n');
  const scores = (await redis.cli('ZRANGE', order, '0', '-1', 'WITHSCORES'))
    .split('\n')
    .filter((_, i) => i % 2);
  assert.equal(new Set(scores).size, scores.length, 'each block has a place of its own');
  assert.ok(scores.length > 20);
});

test('TYPE that comes after samples, in another block of lines, is taken', async () => {
  await ingest('x{a="1"} 1\n');
  await ingest('# HELP x Text.\n# TYPE x counter\n');
  assert.match(await storage.scrape(), /^# HELP x Text.\n# TYPE x counter\n/);
});

test('HELP alone, of a name that a histogram has, is no mistake', async () => {
  await ingest('# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n');
  const result = await ingest('# HELP h_count Text.\n');
  assert.deepEqual([result.rejected, result.errors], [{}, []]);
  assert.equal((await storage.scrape()).match(/# TYPE/g)?.length, 1);
});

test('a histogram with other buckets than before replaces it whole', async () => {
  const histogram = (bounds: string[]) =>
    `# TYPE h histogram\n${bounds.map((le) => `h_bucket{le="${le}"} 1\n`).join('')}h_sum 3\nh_count 1\n`;
  await ingest(histogram(['0.1', '0.5', '1', '+Inf']));
  await ingest(histogram(['2', '+Inf']));
  assert.deepEqual(
    [...seriesOf(await storage.scrape()).keys()],
    ['h_bucket{le="2"}', 'h_bucket{le="+Inf"}', 'h_sum', 'h_count'],
  );
});

test('interleaved families come out one after the other', async () => {
  const lines: string[] = ['# TYPE a counter', '# TYPE h histogram'];
  for (let i = 0; i < 50; i++) {
    lines.push(
      `a{i="${i}"} 1`,
      `h_bucket{i="${i}",le="+Inf"} 1`,
      `h_sum{i="${i}"} 1`,
      `h_count{i="${i}"} 1`,
      `b{i="${i}"} 1`,
    );
  }
  const result = await ingest(`${lines.join('\n')}\n`);
  assert.equal(result.accepted, 250);
  const names = (await storage.scrape()).split('\n').map((line) => line.replace(/^# TYPE |[{_ ].*/g, ''));
  const runs = names.filter((name, i) => name !== names[i - 1] && name !== '');
  assert.equal(runs.length, 3, runs.join(' '));
});

test('other values, of any length, fall into the same blocks', async () => {
  const body = (value: (i: number) => string) =>
    `# TYPE x gauge\n${Array.from({ length: 5000 }, (_, i) => `x{host="node-${i}.example.org"} ${value(i)}\n`).join('')}`;
  await ingest(body(() => '1'));
  const blocks = await storage.blocksOf('x');
  assert.ok(blocks > 5);
  await ingest(body((i) => String(Math.sin(i) * 1e9)));
  assert.equal(await storage.blocksOf('x'), blocks);
});

test('lines whose name or type is taken are refused one by one, with the reason; the others are stored', async () => {
  await ingest('# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n# TYPE c counter\nc 1\n');
  const result = await ingest(
    'a 1\n# TYPE h_count gauge\nh_count 5\nb 1\n# TYPE c gauge\nc{x="1"} 1\nc{x="2"} 1\n',
  );
  assert.equal(result.accepted, 2);
  assert.deepEqual(result.rejected, { type_conflict: 3 });
  assert.deepEqual(
    result.errors.map(({ line }) => line),
    [3, 6, 7],
  );
  assert.match(
    result.errors[0].message,
    /^h_count cannot be stored as gauge: the histogram h has samples of that name, until 20/,
  );
  assert.match(result.errors[1].message, /^c cannot be stored as gauge: it is a counter, until 20/);
});

test('samples without TYPE of a histogram that is there are taken as its samples', async () => {
  await ingest('# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n');
  const result = await ingest(
    'a 1\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 5\nh_count 3\nh_count{bad="1"} \n',
  );
  assert.equal(result.accepted, 5);
  assert.deepEqual(
    result.errors.map(({ line }) => line),
    [6],
  );
  assert.match(
    await storage.scrape(),
    /# TYPE h histogram\nh_bucket\{le="1"\} 2\nh_bucket\{le="\+Inf"\} 3\nh_sum 5\nh_count 3\n/,
  );
});

test('a part of a histogram without TYPE does not replace the histogram that is there', async () => {
  const histogram = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n';
  await ingest(histogram);
  const result = await ingest('a 1\nh_count 5\n');
  assert.deepEqual([result.accepted, result.rejected], [1, { incomplete_histogram: 1 }]);
  assert.deepEqual(
    result.errors.map(({ line }) => line),
    [2],
  );
  assert.ok((await storage.scrape()).includes(histogram));
});

test('a bare sample for a summary that is there is refused with its line', async () => {
  await ingest('# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\ns_count 1\n');
  const result = await ingest('a 1\n\ns 5\n');
  assert.equal(result.accepted, 1);
  assert.deepEqual(
    result.errors.map(({ line }) => line),
    [3],
  );
});

test('a type whose holder has ended without notice is free at the next push', async () => {
  await ingest('# TYPE x counter\nx 1\n', { ttlMs: 0 });
  await ingest('# TYPE x counter\nx 1\n', { ttlMs: 100 });
  await sleep(150);
  const result = await ingest('# TYPE x gauge\nx 1\n');
  assert.equal(result.accepted, 1);
});

test('histogram names declared earlier in a long body count in its later blocks', async () => {
  const log = new DeclaredTypesLog();
  log.add(Buffer.from('# TYPE h histogram\n'));
  const declared = log.snapshot();
  assert.ok(declared);
  const bodyId = ++bodies;
  await ingest('h_bucket{i="2",le="+Inf"} 1\nh_sum{i="2"} 1\nh_count{i="2"} 1\n', {
    whole: false,
    bodyId,
    declared,
  });
  await ingest('# TYPE h histogram\nh_bucket{i="1",le="+Inf"} 1\nh_sum{i="1"} 1\nh_count{i="1"} 1\n', {
    whole: false,
    bodyId,
    declared,
  });
  const exposition = await storage.scrape();
  assert.equal(exposition.match(/# TYPE/g)?.length, 1);
  assert.equal(seriesOf(exposition).size, 6);
});

test('a histogram of which only a part is in a block of a longer body is refused, not stored by half', async () => {
  const result = await ingest('# TYPE h histogram\nh_sum 1\nh_count 1\n', { whole: false });
  assert.equal(result.accepted, 0);
  assert.deepEqual(result.rejected, { incomplete_histogram: 2 });
});

test('when Redis is gone nothing is counted as stored', async () => {
  await redis.kill();
  const result = await ingest('x 1\ny 1\n');
  assert.equal(result.accepted, 0);
  assert.equal(result.failure?.notStored, 2);
  assert.match(result.failure?.reason ?? '', /^(connection|clusterdown)$/);
  await redis.restart();
  await storage.connection.whenUp();
  assert.equal((await ingest('x 1\ny 1\n')).accepted, 2);
});

test('out of memory is told as such, and passes', async () => {
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  const result = await ingest('x 1\n');
  assert.equal(result.failure?.reason, 'oom');
  assert.equal(result.accepted, 0);
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  assert.equal((await ingest('x 1\n')).accepted, 1);
});

test('scripts that Redis has forgotten are sent again', async () => {
  await ingest('x 1\n');
  await redis.cli('SCRIPT', 'FLUSH');
  assert.equal((await ingest('x 2\n')).accepted, 1);
  await redis.cli('SCRIPT', 'FLUSH');
  const families = Array.from({ length: 300 }, (_, i) => `m${i} 1\n`).join('');
  assert.equal((await ingest(families)).accepted, 300);
});

test('a family under a secret that is lost is replaced; under one that is not ours any more nothing is stored', async () => {
  await ingest('x{a="1"} 1\nx{a="2"} 1\n');
  const other = Uint8Array.from(SECRET, (byte) => byte ^ 1);
  ingester = new Ingester(storage.connection, storage.keys, other);
  const stale = await ingest('x{a="1"} 2\n');
  assert.equal(stale.accepted, 0);
  assert.equal(stale.failure?.staleIdentity, true);
  await storage.connection.command('SET', storage.keys.secret, Buffer.from(other));
  assert.equal((await ingest('x{a="1"} 2\n')).accepted, 1);
  assert.deepEqual([...seriesOf(await storage.scrape())], [['x{a="1"}', '2']]);
});
