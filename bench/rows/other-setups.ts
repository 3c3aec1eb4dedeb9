import { RedisCluster } from '../../test/support/redis-cluster.ts';
import { startGateway } from '../programs/ours.ts';
import type { Line, Row } from '../row.ts';
import { inAndOut } from './in-and-out.ts';
import { count, notes, slowCommands } from './parts.ts';

export const workers: Row = {
  name: 'workers',
  about: 'the main rows with one worker thread and with two',
  async measure(bench) {
    const body = bench.million();
    await using one = await bench.ours({ args: ['--workers=1'] });
    await using two = await bench.ours({ args: ['--workers=2'] });
    const seconds = await inAndOut(bench.size(5, 3), {
      one: { gateway: one, body },
      two: { gateway: two, body },
    });
    const line = (what: string, ours: number): Line => ({ what, unit: 's', ours });
    return [
      line('in, one worker', seconds.one.in),
      line('in, two workers', seconds.two.in),
      line('out, one worker', seconds.one.out),
      line('out, two workers', seconds.two.out),
    ];
  },
};

export const clusterVsServer: Row = {
  name: 'cluster-vs-server',
  about: 'the main rows with a Cluster of three masters, against one server',
  async measure(bench) {
    const body = bench.million();
    await using cluster = await RedisCluster.start({ replicas: 0 });
    await using clustered = await startGateway(
      [`--redis.endpoint=${cluster.endpoints.join(',')}`],
      bench.profileDir,
    );
    await using server = await bench.ours();
    const seconds = await inAndOut(bench.size(5, 3), {
      cluster: { gateway: clustered, body },
      server: { gateway: server, body },
    });
    const line = (what: string, ours: number, other: number): Line => ({
      what,
      unit: 's',
      ours,
      note: `one server: ${other.toFixed(2)} s`,
    });
    return [
      line('in, three masters', seconds.cluster.in, seconds.server.in),
      line('out', seconds.cluster.out, seconds.server.out),
    ];
  },
};

export const foreignKeys: Row = {
  name: 'foreign-keys',
  about: 'the main rows with a Redis that holds three million keys of others, against an empty one',
  async measure(bench) {
    const body = bench.million();
    const keys = bench.size(3_000_000, 300_000);
    await using shared = await bench.ours({ redisArgs: ['--enable-debug-command', 'yes'] });
    await shared.redis.cli('DEBUG', 'POPULATE', String(keys), 'foreign', '32');
    await shared.redis.cli('SLOWLOG', 'RESET');
    await using own = await bench.ours();
    const seconds = await inAndOut(bench.size(5, 3), {
      shared: { gateway: shared, body },
      own: { gateway: own, body },
    });
    return [
      {
        what: `in, beside ${count(keys)} foreign keys`,
        unit: 's',
        ours: seconds.shared.in,
        note: notes(`without: ${seconds.own.in.toFixed(2)} s`, await slowCommands(shared)),
      },
      { what: 'out', unit: 's', ours: seconds.shared.out, note: `without: ${seconds.own.out.toFixed(2)} s` },
    ];
  },
};
