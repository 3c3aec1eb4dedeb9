import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { GroupingKey, PushResult, PushTask } from '../../src/workers/messages.ts';
import { Pusher } from '../../src/workers/push-task.ts';
import { delimited, MetricType } from '../support/metric-family.ts';
import { SECRET, useStorage } from '../support/storage.ts';

const { redis, storage } = await useStorage();
let pusher: Pusher;

beforeEach(async () => {
  await storage.connection.command('SET', storage.keys.secret, Buffer.from(SECRET));
  pusher = new Pusher(storage.connection, storage.keys, SECRET, 5000);
});

const A: GroupingKey = [['job', 'a']];

function push(body: string | Buffer, overrides: Partial<PushTask> = {}): Promise<PushResult> {
  return pusher.run({
    kind: 'push',
    body: new Uint8Array(Buffer.from(body)).buffer,
    format: 'text',
    group: A,
    mode: 'put',
    ttlMs: 60_000,
    timestamps: 'reject',
    utf8Names: true,
    identity: { secret: SECRET },
    ...overrides,
  });
}

test('a body is stored with the labels of its group', async () => {
  const text = '# HELP x An example.\n# TYPE x counter\nx{z="1",job="other"} 1\nx{instance="i"} 2\n';
  const result = await push(text);
  assert.equal(result.outcome, 'stored');
  assert.equal(result.samples, 2);
  const lines = (await storage.scrape()).split('\n').slice(0, -1).sort();
  assert.deepEqual(lines, [
    '# HELP x An example.',
    '# TYPE x counter',
    'x{instance="",job="a",z="1"} 1',
    'x{instance="i",job="a"} 2',
  ]);
});

test('a body that cannot be read changes nothing, also if only its last line is bad', async () => {
  await push('x 1\n');
  for (const [format, body] of [
    ['text', 'x 2\ny 1\nz one\n'],
    ['openmetrics', '# TYPE x gauge\nx 2\nx{a="1"} one\n# EOF\n'],
    ['openmetrics', '# TYPE x gauge\nx 2\n'],
    ['protobuf', '\x05abc'],
  ] as const) {
    const result = await push(body, { format });
    assert.equal(result.outcome, 'malformed', body);
    assert.match(result.message ?? '', /line 3|EOF/, body);
  }
  assert.equal(await storage.scrape(), '# TYPE x untyped\nx{instance="",job="a"} 1\n');
  assert.doesNotMatch(
    await storage.scrape({ groups: { expiry: false } }),
    /push_failure_time_seconds\{.*[1-9]/,
  );
});

test('a body that is not consistent changes nothing but the time of the failure', async () => {
  await push('x 1\n');
  for (const [body, message] of [
    ['x 2\nx 3\n', /collected metric "x" .* was collected before with the same name and label values/],
    ['x 2 1000\n', /must not have timestamps/],
  ] as const) {
    const result = await push(body);
    assert.equal(result.outcome, 'inconsistent', body);
    assert.match(result.message ?? '', /^pushed metrics are invalid or inconsistent with existing metrics: /);
    assert.match(result.message ?? '', message);
  }
  const other = await push('# TYPE x counter\nx 2\ny 1\n', { group: [['job', 'b']] });
  assert.equal(other.outcome, 'inconsistent');
  assert.match(other.message ?? '', /x has type COUNTER but should have UNTYPED/);
  assert.equal(await storage.scrape(), '# TYPE x untyped\nx{instance="",job="a"} 1\n');
  const whole = await storage.scrape({ groups: { expiry: true } });
  assert.match(whole, /push_failure_time_seconds\{instance="",job="a"\} 1\d{9}/);
  assert.match(whole, /push_failure_time_seconds\{instance="",job="b"\} 1\d{9}/);
  assert.match(whole, /push_time_seconds\{instance="",job="b"\} 0\n/);
});

test('the families that tell of the groups cannot be pushed', async () => {
  await push('# TYPE push_failure_time_seconds counter\npush_failure_time_seconds 1\nx 1\n');
  const whole = await storage.scrape({ groups: { expiry: true } });
  assert.match(
    whole,
    /# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds\{instance="",job="a"\} 0\n/,
  );
});

test('a series that a group of another shape holds is refused, in any format', async () => {
  await push('# TYPE h histogram\nh_bucket{le="1",instance="i"} 1\nh_count{instance="i"} 1\n');
  const group: GroupingKey = [
    ['instance', 'i'],
    ['job', 'a'],
  ];
  const text = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 1\n';
  assert.match((await push(text, { group })).message ?? '', /another group/);
  const family = delimited({
    name: 'h',
    type: MetricType.HISTOGRAM,
    metrics: [{ histogram: { count: 1, buckets: [{ le: 1, count: 1 }] } }],
  });
  const protobuf = await push(family, { group, format: 'protobuf' });
  assert.match(protobuf.message ?? '', /another group/);
});

test('what Redis refuses is told, and nothing is stored', async () => {
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  const result = await push('x 1\n');
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  assert.equal(result.outcome, 'failed');
  assert.equal(result.failure?.reason, 'oom');
  assert.match(result.message ?? '', /nothing of the push is stored/);
  assert.equal(await storage.scrape(), '');
  assert.equal((await push('x 1\n')).outcome, 'stored');
});

test('another secret in Redis: families of the old one are replaced', async () => {
  await push('x 1\n');
  const secret = Uint8Array.from(SECRET, (byte) => byte ^ 1);
  const other = new Pusher(storage.connection, storage.keys, secret, 5000);
  const task = {
    kind: 'push',
    format: 'text',
    mode: 'put',
    ttlMs: 60_000,
    timestamps: 'reject',
    utf8Names: true,
  } as const;
  const run = () =>
    other.run({
      ...task,
      body: new Uint8Array(Buffer.from('x 2\ny 3\n')).buffer,
      group: A,
      identity: { secret },
    });
  const refused = await run();
  assert.equal(refused.failure?.reason, 'identity');
  assert.equal(refused.failure?.staleIdentity, true);
  await storage.connection.command('SET', storage.keys.secret, Buffer.from(secret));
  assert.equal((await run()).outcome, 'stored');
  assert.match(await storage.scrape(), /^x\{.*\} 2$/m);
});
