import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IngestReport } from '../../../src/server/ingest/ingest-report.ts';
import type { IngestResult } from '../../../src/workers/messages.ts';

function result(overrides: Partial<IngestResult>): IngestResult {
  return {
    kind: 'ingest',
    lines: 10,
    accepted: 0,
    rejected: {},
    errors: [],
    compact: [],
    blocksWritten: 0,
    redisMs: 0,
    ...overrides,
  };
}

test('lines are counted over the blocks in their order, whichever ends first', () => {
  const report = new IngestReport();
  report.add(2, result({ accepted: 1, rejected: { syntax: 2 }, errors: [{ line: 3, message: 'third' }] }));
  report.add(
    1,
    result({
      lines: 5,
      accepted: 2,
      rejected: { type_conflict: 1 },
      errors: [{ line: 5, message: 'second' }],
    }),
  );
  assert.deepEqual(report.errors, []);
  report.add(0, result({ errors: [{ line: 1, message: 'first' }], rejected: { syntax: 1, limit: 1 } }));
  assert.deepEqual(report.errors, [
    { line: 1, message: 'first' },
    { line: 15, message: 'second' },
    { line: 18, message: 'third' },
  ]);
  assert.equal(report.accepted, 3);
  assert.equal(report.rejected, 5);
  assert.equal(report.lines, 25);
});

test('only the first twenty errors are kept, and all are counted', () => {
  const report = new IngestReport();
  const errors = Array.from({ length: 15 }, (_, i) => ({ line: i + 1, message: 'no' }));
  report.add(1, result({ lines: 15, errors, rejected: { syntax: 15 } }));
  report.add(0, result({ lines: 15, errors, rejected: { syntax: 15 } }));
  assert.equal(report.errors.length, 20);
  assert.equal(report.errors[19]?.line, 20);
  assert.equal(report.rejected, 30);
});

test('what Redis has not acknowledged is not accepted', () => {
  const report = new IngestReport();
  report.add(0, result({ accepted: 3, failure: { reason: 'oom', message: 'full', notStored: 4 } }));
  report.add(1, result({ failure: { reason: 'oom', message: 'full', notStored: 5 } }));
  assert.equal(report.accepted, 3);
  assert.equal(report.notStored, 9);
});
