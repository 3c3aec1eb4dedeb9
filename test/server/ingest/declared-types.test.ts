import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeclaredTypesError, DeclaredTypesLog } from '../../../src/server/ingest/declared-types.ts';

/** What the log holds, as a worker reads it. */
function logged(log: DeclaredTypesLog): string {
  const declared = log.snapshot();
  return declared === undefined ? '' : Buffer.from(declared.log, 0, declared.length).toString();
}

function logOf(text: string): string {
  const log = new DeclaredTypesLog();
  log.add(Buffer.from(text));
  return logged(log);
}

suite('log of declared types', () => {
  test('has no memory before there is something to remember', () => {
    const log = new DeclaredTypesLog();
    log.add(Buffer.from('# TYPE a gauge\nb 1\n'));
    assert.equal(log.snapshot(), undefined);
  });

  test('takes histograms and summaries, wherever they stand and however they are written', () => {
    assert.equal(
      logOf('# TYPE a histogram\nx 1\n#TYPE b SUMMARY\r\n \t#\tTYPE  c\tHistogram '),
      'ha\nsb\nhc\n',
    );
    assert.equal(logOf('\uFEFF# TYPE a histogram'), 'ha\n');
    assert.equal(logOf('\n\n  \n# TYPE a histogram\n'), 'ha\n');
  });

  test('takes nothing else', () => {
    const other = [
      '# TYPE a counter',
      '# TYPE a',
      '# TYPE a histograms',
      '# TYPE a histogram b',
      '# TYPE a-b histogram',
      '# TYPEa histogram',
      '# HELP a # TYPE b histogram',
      'x # TYPE a histogram',
      'x{a="\\n# TYPE a histogram"} 1',
      '## TYPE a histogram',
      'TYPE a histogram',
      '# type a histogram',
    ];
    for (const line of other) assert.equal(logOf(`${line}\n`), '', line);
  });

  test('finds a TYPE line after words that look like one', () => {
    assert.equal(logOf('# TYPE TYPE TYPE\n# TYPE TYPE histogram\n'), 'hTYPE\n');
  });

  test('the first declaration counts', () => {
    const log = new DeclaredTypesLog();
    log.add(Buffer.from('# TYPE a summary\n# TYPE a histogram\n# TYPE b gauge\n# TYPE b histogram\n'));
    assert.equal(logged(log), 'sa\nhb\n');
    assert.equal(log.kindOf('a'), 'summary');
    assert.equal(log.kindOf('b'), 'histogram');
    assert.equal(log.kindOf('c'), undefined);
  });

  test('grows, and earlier snapshots stay true', () => {
    const log = new DeclaredTypesLog();
    log.declare('first', 'histogram');
    const early = log.snapshot();
    for (let i = 0; i < 10_000; i++) log.declare(`name_${i}`, 'summary');
    assert.ok(early);
    assert.equal(Buffer.from(early.log, 0, early.length).toString(), 'hfirst\n');
    assert.equal(logged(log).split('\n').length, 10_002);
    assert.equal(early.log, log.snapshot()?.log);
  });

  test('has an end', () => {
    const log = new DeclaredTypesLog();
    assert.throws(
      () => {
        for (let i = 0; i < 100; i++) log.declare(`${'x'.repeat(100_000)}${i}`, 'histogram');
      },
      (error) => error instanceof DeclaredTypesError && error.code === 'ERR_TOO_MANY_TYPES',
    );
    const length = log.snapshot()?.length ?? 0;
    assert.ok(length > 8_000_000 && length <= 8 * 1024 * 1024);
  });
});
