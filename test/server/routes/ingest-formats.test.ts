import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { KIB, MIB } from '../../../src/units.ts';
import { Gateway } from '../../support/gateway.ts';
import {
  delimited,
  type FamilyModel,
  MetricType,
  message,
  nativeFields,
  tag,
} from '../../support/metric-family.ts';
import { type IngestAnswer, scrapeOf } from '../../support/push.ts';
import { RedisServer } from '../../support/redis-server.ts';

const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

let redis: RedisServer;
let gateway: Gateway;

before(async () => {
  redis = await RedisServer.start();
  gateway = await Gateway.ready({ redisPort: redis.port });
});

beforeEach(async () => {
  await redis.cli('FLUSHALL');
});

after(async () => {
  await gateway.stop();
  await redis.stop();
});

type Answer = IngestAnswer & { readonly error?: string };

async function push(
  type: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${gateway.url}/ingest`, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: { 'Content-Type': type, ...headers },
  });
  return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) };
}

/** The lines of a scrape without the comments, in order. */
async function lines(): Promise<string[]> {
  return (await scrapeOf(gateway))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .sort();
}

function gauges(name: string, from: number, to: number): FamilyModel {
  const metrics = Array.from({ length: to - from }, (_, i) => ({
    labels: { i: String(from + i) },
    gauge: i,
  }));
  return { name, type: MetricType.GAUGE, metrics };
}

test('OpenMetrics is stored, and shown in the text format', async () => {
  const answer = await push(
    OPENMETRICS,
    `# TYPE jobs counter
# HELP jobs a \\"job\\"
jobs_total{b="2",a="1"} 3 # {trace_id="x"} 1
jobs_created{a="1",b="2"} 1500000000
# TYPE took_seconds histogram
# UNIT took_seconds seconds
took_seconds_bucket{le="1.0"} 1
took_seconds_bucket{le="+Inf"} 2
took_seconds_sum 2.5
took_seconds_count 2
took_seconds_created 1500000000.5
# TYPE sizes gaugehistogram
sizes_bucket{le="-1"} 1
sizes_bucket{le="+Inf"} 2
sizes_gcount 2
sizes_gsum -1
# TYPE build info
build_info{version="1"} 1
# TYPE state stateset
state{state="on"} 1
state{state="off"} 0
other 1
# EOF
`,
  );
  assert.deepEqual([answer.status, answer.errors, answer.accepted], [200, [], 13]);
  const text = await scrapeOf(gateway);
  assert.match(text, /^# HELP jobs_total a "job"\n# TYPE jobs_total counter\njobs_total\{a="1",b="2"\} 3\n/m);
  assert.match(text, /^# TYPE took_seconds histogram\ntook_seconds_bucket\{le="1"\} 1\n/m);
  assert.match(text, /^took_seconds_sum 2.5\ntook_seconds_count 2\n/m);
  assert.match(text, /^sizes_sum -1\nsizes_count 2\n/m);
  assert.match(text, /^build_info\{version="1"\} 1\n/m);
  assert.match(text, /^state\{state="off"\} 0\n/m);
});

test('bad lines of OpenMetrics are told with their numbers, the others are stored', async () => {
  const answer = await push(
    OPENMETRICS,
    `# HELP c more
# TYPE c counter
c_total{a="1"} -1
c_total{a="2"} 1
# TYPE h histogram
h_bucket{le="1"} 1
g 5 # {} 1
u 1 extra
ok 1
# EOF
`,
  );
  assert.equal(answer.status, 400);
  assert.deepEqual(
    answer.errors.map(({ line }) => line),
    [3, 6, 7, 8],
  );
  assert.deepEqual([answer.accepted, answer.rejected, answer.error], [2, 4, undefined]);
  assert.deepEqual(await lines(), ['c_total{a="2"} 1', 'ok 1']);
});

test('OpenMetrics without its end is stored as far as it came, and refused', async () => {
  const answer = await push(OPENMETRICS, 'a 1\nb 2\n');
  assert.deepEqual(
    [answer.status, answer.accepted, answer.error],
    [400, 2, 'Expected # EOF as the last line.'],
  );
  assert.equal(answer.errors[0]?.line, 2);
  assert.deepEqual(await lines(), ['a 1', 'b 2']);
});

test('long bodies in OpenMetrics are stored whole, and their lines are counted over all pieces', async () => {
  const families = Array.from({ length: 40 }, (_, f) => {
    const series = Array.from({ length: 2_000 }, (_, i) => `g${f}{series="${i}"} ${i}\n`).join('');
    return `# TYPE g${f} gauge\n${series}`;
  });
  const body = `${families.join('')}bad\n# EOF\n`;
  assert.ok(body.length > 1.5 * MIB);
  const answer = await push(OPENMETRICS, gzipSync(body), { 'Content-Encoding': 'gzip' });
  assert.deepEqual([answer.status, answer.accepted, answer.rejected], [400, 80_000, 1]);
  assert.deepEqual(
    answer.errors.map(({ line }) => line),
    [40 * 2_001 + 1],
  );
  assert.equal((await lines()).length, 80_000);
});

test('a family of OpenMetrics that is too long is refused, and told of the format without that limit', async () => {
  const series = Array.from(
    { length: 20 },
    (_, i) => `g{series="${i}",x="${'y'.repeat(40 * KIB)}"} ${i}\n`,
  ).join('');
  const answer = await push(OPENMETRICS, `first 1\n# TYPE g gauge\n${series.repeat(22)}# EOF\n`);
  assert.equal(answer.status, 413);
  assert.match(
    answer.error ?? '',
    /longer than 16777216 bytes of OpenMetrics: the text format has no such limit/,
  );
});

test('protobuf is stored, whatever its content type looks like', async () => {
  for (const type of [
    PROTOBUF,
    'Application/VND.google.protobuf;encoding="delimited" ; x=y;Proto=io.prometheus.client.MetricFamily',
  ]) {
    await redis.cli('FLUSHALL');
    const answer = await push(
      type,
      delimited(
        {
          name: 'c',
          help: 'Help',
          type: MetricType.COUNTER,
          metrics: [{ labels: { b: '1', a: 'x"' }, counter: { value: 2 } }],
        },
        {
          name: 'h',
          type: MetricType.HISTOGRAM,
          metrics: [{ histogram: { count: 3, sum: 1.5, buckets: [{ le: 1, count: 2 }] } }],
        },
        {
          name: 's',
          type: MetricType.SUMMARY,
          metrics: [{ summary: { count: 1, sum: 2, quantiles: [[0.5, 2]] } }],
        },
        gauges('c2', 0, 1),
      ),
    );
    assert.deepEqual([answer.status, answer.errors], [200, []], JSON.stringify(answer));
    assert.deepEqual(await lines(), [
      'c2{i="0"} 0',
      'c{a="x\\"",b="1"} 2',
      'h_bucket{le="+Inf"} 3',
      'h_bucket{le="1"} 2',
      'h_count 3',
      'h_sum 1.5',
      's_count 1',
      's_sum 2',
      's{quantile="0.5"} 2',
    ]);
    assert.match(await scrapeOf(gateway), /^# HELP c Help\n# TYPE c counter\n/m);
  }
});

test('without both parameters protobuf is read as text, and refused', async () => {
  const answer = await push('application/vnd.google.protobuf', delimited(gauges('g', 0, 1)));
  assert.equal(answer.status, 400);
  assert.deepEqual(await lines(), []);
});

test('of an unreadable message and of a body that ends within one, what came before is stored', async () => {
  const bad = Buffer.from([0x0a, 0x05, 0x61]);
  const unreadable = await push(PROTOBUF, delimited(gauges('g', 0, 5), bad, gauges('g', 5, 7)));
  assert.deepEqual([unreadable.status, unreadable.accepted], [400, 5]);
  assert.match(unreadable.error ?? '', /cannot parse invalid wire-format data/);
  assert.equal(unreadable.errors[0]?.line, 2);
  const body = delimited(gauges('h', 0, 5), gauges('h', 5, 7));
  const cut = await push(PROTOBUF, body.subarray(0, body.length - 1));
  assert.deepEqual([cut.status, cut.accepted, cut.error], [400, 5, 'unexpected EOF']);
  const endless = await push(PROTOBUF, Buffer.concat([delimited(gauges('i', 0, 5)), Buffer.alloc(20, 0xff)]));
  assert.deepEqual([endless.status, endless.accepted], [400, 5]);
  assert.equal(endless.error, 'proto: variable length integer overflow');
  assert.equal((await lines()).length, 15);
});

test('a message that says it is too long is refused before it comes', async () => {
  const answer = await push(
    PROTOBUF,
    Buffer.concat([delimited(gauges('g', 0, 5)), Buffer.from('80808080808080808001', 'hex')]),
  );
  assert.deepEqual([answer.status, answer.accepted], [413, 5]);
  assert.match(answer.error ?? '', /a message of the body is longer than 16777216 bytes/);
});

test('long bodies in protobuf are stored whole, and of a series that comes twice the last one counts', async () => {
  const families = Array.from({ length: 40 }, (_, f) => gauges(`g${f}`, 0, 2_000));
  const again: FamilyModel = {
    name: 'g0',
    type: MetricType.GAUGE,
    metrics: [{ labels: { i: '7' }, gauge: -1 }],
  };
  const body = delimited(...families, again);
  assert.ok(body.length > 1.5 * MIB);
  const answer = await push(PROTOBUF, body);
  assert.deepEqual([answer.status, answer.accepted, answer.errors], [200, 80_001, []]);
  const shown = await lines();
  assert.equal(shown.length, 80_000);
  assert.ok(shown.includes('g0{i="7"} -1'));
});

test('what clashes with the type of a stored family is told by the line, or the message, that it came in', async () => {
  assert.equal((await push('text/plain', '# TYPE m counter\nm 1\n')).status, 200);
  const text = await push(OPENMETRICS, '# TYPE other gauge\nother 1\n# TYPE m gauge\nm 1\n# EOF\n');
  assert.deepEqual([text.status, text.accepted, text.errors.map(({ line }) => line)], [400, 1, [4]]);
  const messages = await push(PROTOBUF, delimited(gauges('a', 0, 3), gauges('m', 0, 1)));
  assert.deepEqual(
    [messages.status, messages.accepted, messages.errors.map(({ line }) => line)],
    [400, 3, [2]],
  );
});

async function scrapeAs(accept: string): Promise<Buffer> {
  const response = await fetch(`${gateway.url}/metrics`, { headers: { Accept: accept } });
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
}

test('what OpenMetrics says comes out as it went in', async () => {
  const body = `# HELP jobs_seconds a \\"job\\"
# TYPE jobs_seconds counter
# UNIT jobs_seconds seconds
jobs_seconds_total{a="1"} 3 # {trace_id="x"} 1 5.5
jobs_seconds_created{a="1"} 1500000000.25
# EOF
`;
  assert.equal((await push(OPENMETRICS, body)).status, 200);
  assert.equal((await scrapeAs(OPENMETRICS)).toString(), body);
});

test('native histograms in protobuf come out as they went in, and a scrape can be pushed', async () => {
  const native = nativeFields((writer) => {
    writer.uint32(tag(5, 0)).sint32(-1);
    writer.uint32(tag(6, 1)).double(1e-128);
    message(writer, 12, (span) => {
      span.uint32(tag(1, 0)).sint32(1);
      span.uint32(tag(2, 0)).uint32(2);
    });
    writer.uint32(tag(13, 0)).sint64(2).uint32(tag(13, 0)).sint64(1);
  });
  const exemplar = { labels: { trace_id: 'x' }, value: 2, timestamp: { seconds: 5 } };
  const created = { seconds: 1_500_000_000, nanos: 500_000_000 };
  const body = delimited(
    {
      name: 'n',
      type: MetricType.HISTOGRAM,
      metrics: [{ labels: { a: 'b' }, histogram: { count: 5, sum: 9, created, native } }],
    },
    { name: 'c', type: MetricType.COUNTER, metrics: [{ counter: { value: 1, exemplar, created } }] },
  );
  assert.equal((await push(PROTOBUF, body)).status, 200);
  const scraped = await scrapeAs(PROTOBUF);
  assert.ok(scraped.includes(Buffer.from(native)));
  await redis.cli('FLUSHALL');
  assert.equal((await push(PROTOBUF, scraped)).status, 200);
  assert.deepEqual(await scrapeAs(PROTOBUF), scraped);
});
