import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEATURE_EXTRAS, FEATURE_QUOTED_NAMES } from '../../src/redis/block.ts';
import { OpenMetricsWriter } from '../../src/server/exposition/open-metrics-writer.ts';
import { ownFamilies } from '../../src/server/exposition/own-metrics.ts';
import { SeriesFilter } from '../../src/server/exposition/series-filter.ts';
import { TextWriter } from '../../src/server/exposition/text-writer.ts';
import { parseSelector } from '../../src/server/selectors.ts';
import { useStorage } from '../support/storage.ts';

const { storage } = await useStorage();

/** Stores a plain family of these lines, each an entry of its own. */
async function store(name: string, type: string, lines: readonly string[], features = 0): Promise<void> {
  const block = storage.blockOf(
    'plain',
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), `${line}\n`]),
  );
  block.value[18] = features;
  for (const { outcome } of await storage.commit([storage.family(name, [block], { type })]))
    assert.equal(outcome.status, 'stored');
}

const quoted = (name: string): Promise<void> => store(name, 'gauge', [`{"${name}"} 1`], FEATURE_QUOTED_NAMES);

/** Its samples, sorted. */
function samples(exposition: string): string[] {
  return exposition
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .sort();
}

test('a name that escaping would make equal to another one is escaped so that it is not', async () => {
  for (const name of ['a_b', 'other']) await storage.push(name, { 'x="y"': 1 });
  for (const name of ['a.b', 'a-b', 'c.d', 'c.d_count', 'c-d']) await quoted(name);
  const text = await storage.scrape({ writer: new TextWriter('underscores') });
  assert.deepEqual(samples(text), [
    'U__a_2d_b 1',
    'U__a_2e_b 1',
    'U__c_2e_d 1',
    'U__c_2e_d__count 1',
    'a_b{x="y"} 1',
    'c_d 1',
    'other{x="y"} 1',
  ]);
  assert.deepEqual(
    samples(await storage.scrape({ writer: new TextWriter('allow-utf-8') })),
    ['a.b', 'a-b', 'c.d', 'c.d_count', 'c-d']
      .map((name) => `{"${name}"} 1`)
      .concat(['a_b{x="y"} 1', 'other{x="y"} 1'])
      .sort(),
  );
});

test('families that belong together are escaped alike', async () => {
  for (const name of ['c.d', 'c.d_count']) await quoted(name);
  const text = await storage.scrape({ writer: new TextWriter('underscores') });
  assert.deepEqual(samples(text), ['c_d 1', 'c_d_count 1']);
});

test('a selector means names as they are stored', async () => {
  await quoted('a.b');
  await storage.push('a_b', { 'x="y"': 1 });
  const scrape = (selector: string): Promise<string> =>
    storage.scrape({
      writer: new TextWriter('underscores'),
      selection: new SeriesFilter([parseSelector(selector)], []),
    });
  assert.deepEqual(samples(await scrape('{"a.b"}')), ['U__a_2e_b 1']);
  assert.deepEqual(samples(await scrape('a_b')), ['a_b{x="y"} 1']);
});

test('OpenMetrics knows of a family of the short name, whichever comes first', async () => {
  for (let i = 0; i < 20; i++) {
    await store(`m${i}`, 'gauge', [`m${i} 1`]);
    await store(`m${i}_total`, 'counter', [`m${i}_total 2 #c 5`], FEATURE_EXTRAS);
  }
  await store('n_total', 'counter', ['n_total 3 #c 5'], FEATURE_EXTRAS);
  const text = await storage.scrape({ writer: new OpenMetricsWriter('underscores') });
  for (let i = 0; i < 20; i++) {
    assert.ok(text.includes(`# TYPE m${i} gauge\nm${i} 1\n`), text);
    assert.ok(text.includes(`# TYPE m${i}_total unknown\nm${i}_total 2\n`), text);
  }
  assert.ok(text.includes('# TYPE n counter\nn_total 3\nn_created 5\n'), text);
  assert.ok(text.endsWith('\n# EOF\n'), text);
});

test('an empty store in OpenMetrics', async () => {
  assert.equal(await storage.scrape({ writer: new OpenMetricsWriter('underscores') }), '# EOF\n');
});

test('what is known of the groups comes after the stored families', async () => {
  await storage.pushGroup([['job', 'j']], { m: { 'instance="",job="j"': 1 } }, { ttlMs: 0 });
  const text = await storage.scrape({ groups: { expiry: true }, writer: new TextWriter('underscores') });
  assert.deepEqual(
    text
      .split('\n')
      .filter((line) => !line.startsWith('# HELP'))
      .map((line) => line.replace(/\} \d{10}\.\d+$/, '} TIME')),
    [
      '# TYPE m gauge',
      'm{instance="",job="j"} 1',
      '# TYPE push_time_seconds gauge',
      'push_time_seconds{instance="",job="j"} TIME',
      '# TYPE push_failure_time_seconds gauge',
      'push_failure_time_seconds{instance="",job="j"} 0',
      '# TYPE push_expiry_time_seconds gauge',
      'push_expiry_time_seconds{instance="",job="j"} +Inf',
      '',
    ],
  );
});

const OWN = `# HELP own_total Own.
# TYPE own_total counter
own_total{code="200"} 1
own_total{code="500"} 2

# HELP own_seconds Own.
# TYPE own_seconds histogram
own_seconds_bucket{le="1",code="200"} 1
own_seconds_bucket{le="+Inf",code="200"} 2
own_seconds_sum{code="200"} 3
own_seconds_count{code="200"} 2
own_seconds_bucket{le="1",code="500"} 0
own_seconds_bucket{le="+Inf",code="500"} 0
own_seconds_sum{code="500"} 0
own_seconds_count{code="500"} 0

# HELP own_gauge Own.
# TYPE own_gauge gauge
own_gauge Nan
`;

const withOwn = (writer = new TextWriter('underscores')): Promise<string> =>
  storage.scrape({ writer, own: ownFamilies(OWN) });

test('own families are shown as stored ones would be', async () => {
  assert.equal(
    await withOwn(),
    OWN.replaceAll('\n\n', '\n')
      .replaceAll(/le="(\S+)",code="(\d+)"/g, 'code="$2",le="$1"')
      .replace('Nan', 'NaN'),
  );
  const open = await storage.scrape({ writer: new OpenMetricsWriter('underscores'), own: ownFamilies(OWN) });
  assert.match(open, /# TYPE own counter\nown_total\{code="200"\} 1\n/);
  assert.match(open, /own_seconds_bucket\{code="200",le="1.0"\} 1\n/);
});

test('own series come with pushed ones of the same name and type', async () => {
  await store('own_total', 'counter', ['own_total{code="500"} 9', 'own_total{code="404"} 8']);
  const text = await withOwn();
  assert.match(text, /^# TYPE own_total counter\n(own_total\{.*\n){3}(#|$)/m);
  assert.deepEqual(
    samples(text).filter((line) => line.startsWith('own_total')),
    ['own_total{code="200"} 1', 'own_total{code="404"} 8', 'own_total{code="500"} 9'],
  );
});

test('also an own histogram of which somebody has pushed an instance with other bounds', async () => {
  const pushed =
    'own_seconds_bucket{code="500",le="+Inf"} 7\nown_seconds_sum{code="500"} 7\nown_seconds_count{code="500"} 7\n';
  const block = storage.blockOf('histogram', [['500', pushed]]);
  await storage.commit([storage.family('own_seconds', [block], { type: 'histogram', kind: 'histogram' })]);
  const shown = samples(await withOwn()).filter((line) => line.startsWith('own_seconds_count'));
  assert.deepEqual(shown, ['own_seconds_count{code="200"} 2', 'own_seconds_count{code="500"} 7']);
});

test('own families that clash with pushed ones are left out', async () => {
  await store('own_total', 'gauge', ['own_total 7']);
  await store('own_seconds_count', 'gauge', ['own_seconds_count 6']);
  assert.deepEqual(samples(await withOwn()), ['own_gauge NaN', 'own_seconds_count 6', 'own_total 7']);
});

test('a selector means own series too', async () => {
  const selection = new SeriesFilter([parseSelector('own_seconds{code="500"}')], []);
  const text = await storage.scrape({
    writer: new TextWriter('underscores'),
    own: ownFamilies(OWN),
    selection,
  });
  assert.equal(samples(text).length, 4);
});
