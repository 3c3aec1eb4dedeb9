import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { openSequences } from '../../src/redis/sequences.ts';
import { Ingester } from '../../src/workers/ingest-task.ts';
import type { IngestResult, IngestTask } from '../../src/workers/messages.ts';
import { delimited, MetricType } from '../support/metric-family.ts';
import { SECRET, seriesOf, useStorage } from '../support/storage.ts';

const { storage } = await useStorage();
let ingester: Ingester;

beforeEach(async () => {
  await storage.connection.command('SET', storage.keys.secret, Buffer.from(SECRET));
  ingester = new Ingester(storage.connection, storage.keys, SECRET);
});

let bodies = 0;

function ingest(body: string | Buffer, overrides: Partial<IngestTask> = {}): Promise<IngestResult> {
  return ingester.run({
    kind: 'ingest',
    text: Buffer.from(body),
    format: 'openmetrics',
    last: true,
    whole: true,
    bodyId: ++bodies,
    timestamps: 'strip',
    ttlMs: 60_000,
    identity: { secret: SECRET },
    ...overrides,
  });
}

test('a piece of very many families is stored whole, and errors of every part have the lines of the sender', async () => {
  const families = Array.from(
    { length: 6_000 },
    (_, i) =>
      `# HELP h${i} x\n# TYPE h${i} histogram\nh${i}_bucket{le="+Inf"} ${i}\nh${i}_count ${i}\nh${i}_sum ${i}\n`,
  );
  families[5_500] = '# TYPE c counter\nc_total -1\n# TYPE t gauge\nt{__name__="x"} 1\nt 1\n';
  const body = `${families.join('')}# EOF\n`;
  const { accepted, lines, errors, rejected, malformed } = await ingest(body);
  assert.equal(accepted, 5_999 * 3 + 1);
  assert.equal(lines, 6_000 * 5 + 1);
  assert.deepEqual(
    errors.map(({ line }) => line),
    [5_500 * 5 + 2, 5_500 * 5 + 4],
  );
  assert.deepEqual([rejected, malformed], [{ syntax: 2 }, undefined]);
  assert.equal(seriesOf(await storage.scrape()).size, 5_999 * 3 + 1);
});

test('a histogram without count and sum is whole in every piece, since pieces have whole families', async () => {
  const sequences = await openSequences(storage.connection, storage.keys);
  const body = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\n';
  const { accepted, errors } = await ingest(body, { whole: false, last: false, sequences });
  assert.deepEqual([accepted, errors], [2, []]);
  const series = seriesOf(await storage.scrape());
  assert.deepEqual([series.get('h_bucket{le="+Inf"}'), series.get('h_count')], ['2', '2']);
});

test('without its end a body is malformed, but only in its last piece', async () => {
  const whole = { whole: false, sequences: await openSequences(storage.connection, storage.keys) };
  assert.equal((await ingest('a 1\n', { ...whole, last: false })).malformed, undefined);
  assert.equal((await ingest('b 1\n', whole)).malformed, 'Expected # EOF as the last line.');
  assert.equal((await ingest('c 1\n# EOF\n', whole)).malformed, undefined);
  assert.deepEqual([...seriesOf(await storage.scrape()).keys()].sort(), ['a', 'b', 'c']);
});

test('timestamps of both formats are treated as those of text', async () => {
  const message = delimited({
    name: 'p',
    type: MetricType.GAUGE,
    metrics: [{ gauge: 1, timestampMs: 1_700_000_000_000 }],
  });
  const openMetrics = 'o 1 1700000000.5\n# EOF\n';
  for (const [timestamps, shown] of [
    ['strip', ['o 1', 'p 1']],
    ['honor', ['o 1 1700000000500', 'p 1 1700000000000']],
    ['reject', ['o 1 1700000000500', 'p 1 1700000000000']],
  ] as const) {
    const results = [
      await ingest(openMetrics, { timestamps }),
      await ingest(message, { format: 'protobuf', timestamps }),
    ];
    const rejected = timestamps === 'reject' ? { timestamp: 1 } : {};
    assert.deepEqual(
      results.map((result) => result.rejected),
      [rejected, rejected],
    );
    const lines = (await storage.scrape()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    assert.deepEqual(lines.sort(), shown);
  }
});

test('an untyped series goes to the histogram that is there, as in text', async () => {
  await ingest('# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n', { format: 'text' });
  const { accepted, errors } = await ingest('h_bucket{le="+Inf"} 2\n# TYPE x gauge\nx 1\n# EOF\n');
  assert.equal(accepted, 1);
  assert.deepEqual(
    errors.map(({ line }) => line),
    [1],
  );
  assert.equal(seriesOf(await storage.scrape()).get('h_count'), '1');
});
