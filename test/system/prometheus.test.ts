import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway } from '../support/gateway.ts';
import { checkMetrics, Prometheus } from '../support/prometheus.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { RedisServer } from '../support/redis-server.ts';

test('a real Prometheus scrapes what was pushed, of all types, and answers queries with its values', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  const pushed = [
    '# HELP jobs_total Jobs done.\n# TYPE jobs_total counter\njobs_total{job="batch",instance="a"} 42\n',
    '# TYPE odd gauge\nodd{v="nan"} NaN\nodd{v="inf"} -Inf\nodd{v="text",t="a \\"b\\" \\\\ \\n é日本"} 1e-7\n',
    '# TYPE took_seconds histogram\ntook_seconds_bucket{le="1"} 3\ntook_seconds_bucket{le="+Inf"} 4\n',
    'took_seconds_sum 5.5\ntook_seconds_count 4\n',
    '# TYPE size_bytes summary\nsize_bytes{quantile="0.5"} 10\nsize_bytes_sum 70\nsize_bytes_count 7\n',
  ].join('');
  assert.deepEqual(await ingest(gateway, pushed), { status: 200, accepted: 11, rejected: 0, errors: [] });
  assert.notEqual((await checkMetrics(await scrapeOf(gateway))).status, 1, 'it parses');

  await using prometheus = await Prometheus.start([
    { address: `127.0.0.1:${gateway.port}` },
    { address: `127.0.0.1:${gateway.port}`, path: '/telemetry' },
  ]);
  const value = async (query: string): Promise<string | undefined> =>
    (await prometheus.query(query))[0]?.value;
  // The two targets are scraped at moments of their own.
  const both = 'count(jobs_total) and on() pushgateway_samples_accepted_total';
  for (let i = 0; i < 200 && (await value(both)) === undefined; i++) await sleep(100);

  assert.equal(await value('jobs_total{job="batch",instance="a"}'), '42', 'labels are honoured');
  assert.equal(await value('odd{v="nan"}'), 'NaN');
  assert.equal(await value('odd{v="inf"}'), '-Inf');
  assert.equal(await value('odd{t="a \\"b\\" \\\\ \\n é日本"}'), '1e-07');
  assert.equal(await value('histogram_quantile(0.5, took_seconds_bucket)'), '0.6666666666666666');
  assert.equal(await value('size_bytes_sum / size_bytes_count'), '10');
  assert.equal(await value('sum(up)'), '2', JSON.stringify(await prometheus.targets()));
  assert.equal(await value('pushgateway_samples_accepted_total'), '11');
});

test('the example data goes through whole, and every family keeps its HELP and TYPE', async () => {
  await using redis = await RedisServer.start();
  await using gateway = await Gateway.ready({ redisPort: redis.port });
  const data = await readFile(new URL('../../examples/data.txt', import.meta.url), 'utf8');
  const metadata = (text: string) =>
    text
      .split('\n')
      .filter((line) => /^# (HELP|TYPE) /.test(line))
      .sort();
  assert.equal((await ingest(gateway, data)).status, 200);
  const exposition = await scrapeOf(gateway);
  assert.deepEqual(metadata(exposition), metadata(data));
  assert.equal((await checkMetrics(exposition)).output, '');
});
