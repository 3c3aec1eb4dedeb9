import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Turns } from '../../../src/server/admission.ts';
import { RequestError } from '../../../src/server/errors.ts';
import type { PieceTask } from '../../../src/server/ingest/body-piece.ts';
import { type IngestDeps, ingestBody } from '../../../src/server/ingest/ingest-stream.ts';
import { KIB } from '../../../src/units.ts';
import type { IngestResult, RedisFailure } from '../../../src/workers/messages.ts';
import { bytesOf } from './chunks.ts';

const IDENTITY = { secret: new Uint8Array(16) };
/** What all bodies have, but for what comes. */
const SENT = { encoding: 'identity', identity: IDENTITY, ttlMs: 1_000 } as const;

/** A pool that keeps its tasks until the test ends them, and what the stream is told to work with. */
class Bench {
  readonly tasks: PieceTask[] = [];
  readonly texts: string[] = [];
  readonly results: IngestResult[] = [];
  reservations = 0;
  refreshes = 0;
  readonly taskTurns: Turns;
  /** What compaction was asked for; each ends when the test says so. */
  readonly compactions: Array<{ readonly families: readonly string[]; end(): void }> = [];
  readonly #ends: Array<{ resolve(result: IngestResult): void; reject(error: Error): void }> = [];

  constructor(window = 4) {
    this.taskTurns = new Turns({ limit: window });
  }

  get deps(): IngestDeps {
    return {
      store: {
        openSequences: async () => {
          this.reservations += 1;
          return new Float64Array(64).fill(1e15);
        },
        refreshIdentity: async () => {
          this.refreshes += 1;
        },
      },
      pool: {
        ingest: (task, text) => {
          this.tasks.push(task);
          this.texts.push(bytesOf(text).toString());
          return new Promise((resolve, reject) => this.#ends.push({ resolve, reject }));
        },
      },
      taskTurns: this.taskTurns,
      compaction: {
        add: (families) => new Promise((resolve) => this.compactions.push({ families, end: resolve })),
      },
      timestamps: 'strip',
      maxLineBytes: 64 * KIB,
      targetBytes: () => 32 * KIB,
      onResult: (result) => this.results.push(result),
    };
  }

  end(task: number, overrides: Partial<IngestResult> = {}): void {
    const lines = this.texts[task]?.match(/\n/g)?.length ?? 0;
    this.#ends[task]?.resolve({
      kind: 'ingest',
      lines,
      accepted: lines,
      rejected: {},
      errors: [],
      compact: [],
      blocksWritten: 1,
      redisMs: 1,
      ...overrides,
    });
  }

  break(task: number): void {
    this.#ends[task]?.reject(new Error('the thread ran out of memory'));
  }

  async untilTasks(count: number): Promise<void> {
    while (this.tasks.length < count) await nextTurn();
    for (let i = 0; i < 20; i++) await nextTurn();
    assert.equal(this.tasks.length, count);
  }
}

/** About 30 bytes a line. */
function lines(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, i) => `metric{series="${i}"} ${i}\n`).join(''));
}

/** A body that never ends, as long as somebody reads it. */
function endless(): Readable & { given: number } {
  const piece = lines(2_000);
  const source = new Readable({
    read() {
      source.given += piece.length;
      this.push(piece);
    },
  }) as Readable & { given: number };
  source.given = 0;
  return source;
}

function failure(overrides: Partial<RedisFailure> = {}): Partial<IngestResult> {
  return {
    accepted: 0,
    failure: { reason: 'timeout', message: 'Redis did not answer in time', notStored: 10, ...overrides },
  };
}

test('a body of one block is a whole body and needs no sequences', async () => {
  const bench = new Bench();
  const report = ingestBody({ source: Readable.from([lines(10)]), ...SENT }, bench.deps);
  await bench.untilTasks(1);
  const [task] = bench.tasks;
  assert.equal(task?.whole, true);
  assert.equal(task?.sequences, undefined);
  assert.deepEqual([task?.ttlMs, task?.timestamps, task?.identity], [1_000, 'strip', IDENTITY]);
  bench.end(0);
  assert.equal((await report).accepted, 10);
  assert.equal(bench.reservations, 0);
});

test('an empty body is no task', async () => {
  const bench = new Bench();
  const report = await ingestBody({ source: Readable.from([]), ...SENT }, bench.deps);
  assert.deepEqual([report.accepted, report.error], [0, undefined]);
  assert.equal(bench.tasks.length, 0);
});

test('the blocks of a longer body have the id of the body and rising sequences', async () => {
  const bench = new Bench(100);
  const body = lines(10_000);
  const report = ingestBody({ source: Readable.from([body]), ...SENT }, bench.deps);
  while (bench.texts.join('').length < body.length) await nextTurn();
  assert.equal(bench.texts.join(''), body.toString());
  assert.ok(bench.tasks.length > 2);
  bench.tasks.forEach((task, i) => {
    assert.equal(task.whole, false);
    assert.equal(task.bodyId, bench.tasks[0]?.bodyId);
    assert.equal(task.sequences?.[63], 1e15 + i * 4096);
  });
  // In any order: it ends when all have.
  let ended = false;
  void report.then(() => {
    ended = true;
  });
  for (let i = bench.tasks.length - 1; i > 0; i--) bench.end(i);
  for (let i = 0; i < 10; i++) await nextTurn();
  assert.equal(ended, false);
  bench.end(0);
  assert.equal((await report).accepted, 10_000);
  assert.equal(bench.taskTurns.held, 0);
});

test('no more than the window is under way, and what cannot be sent is not read', async () => {
  const bench = new Bench(3);
  const source = endless();
  const report = ingestBody({ source, ...SENT }, bench.deps);
  await bench.untilTasks(3);
  const { given } = source;
  for (let i = 0; i < 20; i++) await nextTurn();
  assert.equal(source.given, given);
  assert.ok(given < 3_000_000, `${given} bytes were read`);
  bench.end(1);
  await bench.untilTasks(4);
  source.destroy(new RequestError('ERR_CLIENT_GONE', 'the client has gone'));
  for (let i = 0; i < 5; i++) await nextTurn();
  for (const i of [0, 2, 3]) bench.end(i);
  assert.match(String((await report).error), /the client has gone/);
  assert.equal(bench.tasks.length, 4);
  assert.equal(bench.taskTurns.held, 0);
});

test('at the first failure of Redis an endless body is no longer read, and what is under way is waited for', async () => {
  const bench = new Bench(3);
  const source = endless();
  const report = ingestBody({ source, ...SENT }, bench.deps);
  await bench.untilTasks(3);
  bench.end(0);
  await bench.untilTasks(4);
  bench.end(1, failure());
  for (let i = 0; i < 20; i++) await nextTurn();
  assert.equal(source.destroyed, true);
  assert.equal(bench.tasks.length, 4);
  bench.end(2);
  bench.end(3, failure({ reason: 'connection', message: 'the connection to Redis is down', notStored: 5 }));
  const { accepted, notStored, error } = await report;
  assert.equal(
    accepted,
    [0, 2].reduce((sum, i) => sum + (bench.texts[i]?.match(/\n/g)?.length ?? 0), 0),
  );
  assert.equal(notStored, 15);
  assert.equal((error as { reason?: string }).reason, 'timeout');
  assert.equal(bench.taskTurns.held, 0);
  assert.equal(bench.refreshes, 0);
});

test('a failure while the sender is silent ends the body at once', async () => {
  const bench = new Bench();
  const source = new Readable({ read() {} });
  source.push(lines(5_000));
  const report = ingestBody({ source, ...SENT }, bench.deps);
  while (bench.tasks.length < 2) await nextTurn();
  bench.tasks.forEach((_, i) => {
    bench.end(i, failure());
  });
  assert.equal(((await report).error as { reason?: string }).reason, 'timeout');
  assert.equal(source.destroyed, true);
});

test('sequences that cannot be reserved end the body before its first block', async () => {
  const bench = new Bench();
  const { deps } = bench;
  const openSequences = (): Promise<Float64Array> =>
    Promise.reject(new Error('the connection to Redis is down'));
  const report = await ingestBody(
    { source: endless(), ...SENT },
    { ...deps, store: { ...deps.store, openSequences } },
  );
  assert.match(String(report.error), /the connection to Redis is down/);
  assert.equal(bench.tasks.length, 0);
  assert.equal(bench.taskTurns.held, 0);
});

test('when Redis holds another identity it is fetched for the next push', async () => {
  const bench = new Bench();
  const report = ingestBody({ source: Readable.from([lines(1)]), ...SENT }, bench.deps);
  await bench.untilTasks(1);
  bench.end(0, failure({ reason: 'identity', staleIdentity: true, notStored: 1 }));
  assert.equal((await report).notStored, 1);
  assert.equal(bench.refreshes, 1);
});

test('a thread that breaks fails the body, and what the others have stored is counted', async () => {
  const bench = new Bench(2);
  const report = ingestBody({ source: endless(), ...SENT }, bench.deps);
  await bench.untilTasks(2);
  bench.break(0);
  for (let i = 0; i < 10; i++) await nextTurn();
  bench.end(1);
  const { accepted, error, errors } = await report;
  assert.ok(accepted > 0);
  assert.deepEqual(errors, []);
  assert.match(String(error), /a worker thread broke/);
  assert.equal(bench.taskTurns.held, 0);
});

test('one body after the other gets its turn when many want the window', async () => {
  const bench = new Bench(1);
  const reports = ['a', 'b', 'c'].map((name) => {
    const text = lines(4_000).toString().replaceAll('metric', name);
    return ingestBody({ source: Readable.from([Buffer.from(text)]), ...SENT }, bench.deps);
  });
  for (let i = 0; i < 6; i++) {
    await bench.untilTasks(i + 1);
    bench.end(i);
  }
  assert.deepEqual(new Set(bench.texts.slice(0, 3).map((text) => text[0])), new Set(['a', 'b', 'c']));
  for (let i = 6; ; i++) {
    const done = await Promise.race([Promise.all(reports), nextTurn(undefined)]);
    bench.end(i);
    if (done) break;
    for (let wait = 0; wait < 20; wait++) await nextTurn();
  }
  assert.equal(bench.taskTurns.held, 0);
});

test('a body is answered when the compactions that it has asked for have ended, and holds no task turn until then', async () => {
  const bench = new Bench();
  let answered = false;
  const body = {
    source: Readable.from([lines(10)]),
    ...SENT,
  } as const;
  const report = ingestBody(body, bench.deps).finally(() => {
    answered = true;
  });
  await bench.untilTasks(1);
  bench.end(0, { compact: ['a', 'b'] });
  while (bench.compactions.length === 0) await nextTurn();
  for (let i = 0; i < 20; i++) await nextTurn();
  assert.equal(answered, false);
  assert.equal(bench.taskTurns.held, 0);
  assert.deepEqual(bench.compactions[0]?.families, ['a', 'b']);
  bench.compactions[0]?.end();
  assert.equal((await report).accepted, 10);
});

test('a body that Redis fails is answered at once', async () => {
  const bench = new Bench();
  const body = {
    source: Readable.from([lines(10)]),
    ...SENT,
  } as const;
  const report = ingestBody(body, bench.deps);
  await bench.untilTasks(1);
  bench.end(0, { ...failure(), compact: ['a'] });
  assert.ok((await report).error instanceof Error);
  assert.equal(bench.compactions.length, 1);
});

test('a body goes on only when the families of all but a few of its pieces are compacted', async () => {
  const bench = new Bench(100);
  const source = endless();
  const report = ingestBody({ source, ...SENT }, bench.deps);
  let ended = 0;
  const endTasks = async (): Promise<void> => {
    for (let idle = 0; idle < 50; idle++) {
      for (; ended < bench.tasks.length; idle = 0) bench.end(ended++, { compact: ['a'] });
      await nextTurn();
    }
  };
  await endTasks();
  const sent = bench.tasks.length;
  assert.equal(bench.compactions.length, sent);
  assert.equal(bench.taskTurns.held, 0);
  await endTasks();
  assert.equal(bench.tasks.length, sent);
  bench.compactions[0]?.end();
  await endTasks();
  assert.ok(bench.tasks.length >= sent);
  for (const { end } of bench.compactions) end();
  await endTasks();
  assert.ok(bench.tasks.length > sent);
  source.destroy(new RequestError('ERR_CLIENT_GONE', 'gone'));
  for (let i = 0; i < 10; i++) {
    for (const { end } of bench.compactions) end();
    await endTasks();
  }
  await report;
});
