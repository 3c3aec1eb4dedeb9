import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeclaredTypesLog } from '../../../src/server/ingest/declared-types.ts';
import { DeclaredReader } from '../../../src/workers/exposition/declared-reader.ts';
import type { DeclaredTypes } from '../../../src/workers/messages.ts';

function snapshot(log: DeclaredTypesLog): DeclaredTypes {
  const declared = log.snapshot();
  assert.ok(declared);
  return declared;
}

suite('reader of declared types', () => {
  test('reads what has been declared, and on from there', () => {
    const log = new DeclaredTypesLog();
    const reader = new DeclaredReader();
    log.declare('a', 'histogram');
    log.declare('b', 'summary');
    assert.deepEqual(
      [...reader.read(1, snapshot(log))],
      [
        ['a', 'histogram'],
        ['b', 'summary'],
      ],
    );
    log.declare('c', 'histogram');
    assert.deepEqual([...reader.read(1, snapshot(log)).keys()], ['a', 'b', 'c']);
  });

  test('knows nothing that was declared after the block', () => {
    const log = new DeclaredTypesLog();
    const reader = new DeclaredReader();
    log.declare('a', 'histogram');
    const early = snapshot(log);
    log.declare('b', 'summary');
    assert.deepEqual([...reader.read(1, early).keys()], ['a']);
    assert.deepEqual([...reader.read(1, snapshot(log)).keys()], ['a', 'b']);
    assert.deepEqual([...reader.read(1, early).keys()], ['a']);
  });

  test('keeps bodies apart', () => {
    const [one, two] = [new DeclaredTypesLog(), new DeclaredTypesLog()];
    const reader = new DeclaredReader();
    one.declare('a', 'histogram');
    two.declare('longer', 'summary');
    reader.read(1, snapshot(one));
    assert.deepEqual([...reader.read(2, snapshot(two)).keys()], ['longer']);
    assert.deepEqual([...reader.read(1, snapshot(one)).keys()], ['a']);
    assert.equal(reader.read(3, undefined).size, 0);
  });

  test('forgets bodies when it knows too much, and reads them again', () => {
    const reader = new DeclaredReader();
    const logs = Array.from({ length: 5 }, (_, body) => {
      const log = new DeclaredTypesLog();
      for (let i = 0; i < 30; i++) log.declare(`body_${body}_${i}_${'x'.repeat(100_000)}`, 'histogram');
      return log;
    });
    for (const round of [1, 2]) {
      for (const [body, log] of logs.entries())
        assert.equal(reader.read(body, snapshot(log)).size, 30, `${round}`);
    }
  });
});
