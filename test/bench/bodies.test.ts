import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Bodies } from '../../bench/data/bodies.ts';
import { SourceBody } from '../../bench/data/source-body.ts';

async function bodies(context: TestContext): Promise<Bodies> {
  const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-bodies-'));
  context.after(() => rm(directory, { recursive: true }));
  return new Bodies(directory);
}

function samples(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function withoutValue(line: string): string {
  return line.slice(0, line.lastIndexOf(' '));
}

test('the seed decides the body', async (context) => {
  const spec = { families: 3, seriesPerFamily: 50 };
  const [first, second] = [(await bodies(context)).make(spec), (await bodies(context)).make(spec)];
  const text = await readFile(first.file, 'latin1');
  assert.equal(text, await readFile(second.file, 'latin1'));
  assert.notEqual(text, await readFile((await bodies(context)).make({ ...spec, seed: 2 }).file, 'latin1'));
  assert.equal(text.length, first.bytes);
  assert.equal(samples(text).length, first.series);
  assert.equal(new Set(samples(text).map(withoutValue)).size, 150);
});

test('a line has 139 bytes, more or less', async (context) => {
  const { bytes, series } = (await bodies(context)).make({ families: 10, seriesPerFamily: 1_000 });
  assert.ok(Math.abs(bytes / series - 139) < 2, `${bytes / series}`);
});

test('shuffled lines are the same series, and a share is a part of them', async (context) => {
  const made = await bodies(context);
  const spec = { families: 5, seriesPerFamily: 100 };
  const series = async (of: object) =>
    samples(await readFile(made.make({ ...spec, ...of }).file, 'latin1')).map(withoutValue);
  const all = await series({});
  const mixed = await series({ shuffled: true });
  assert.notDeepEqual(mixed, all);
  assert.deepEqual([...mixed].sort(), [...all].sort());
  const half = await series({ share: 0.5 });
  assert.ok(half.length > 200 && half.length < 300, `${half.length}`);
  assert.ok(half.every((line) => all.includes(line)));
});

test('sources push series of their own', () => {
  const body = new SourceBody({ families: 2, seriesPerFamily: 3 });
  const [one, other] = [body.of(1), body.of(12_345)].map((text) =>
    samples(text.toString()).map(withoutValue),
  );
  assert.equal(new Set([...one, ...other]).size, 12);
  assert.ok(other.every((line) => line.includes('"worker-000012345.example.org"')));
});
