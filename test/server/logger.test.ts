import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, type LogFormat, type Logger, type LogLevel } from '../../src/server/logger.ts';

function record(format: LogFormat, level: LogLevel = 'debug'): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const log = createLogger({ format, level }, { write: (line) => void lines.push(line) });
  return { log, lines };
}

const FORGED = 'x\nts=now level=error msg="forged"\r\u2028\u0085\u009b31m"\u202e';

test('logfmt: time, level and message first, plain values bare and others quoted', () => {
  const { log, lines } = record('logfmt');
  log.warn({ path: '/metrics', samples: 12, note: 'two words', empty: '', ok: true }, 'it happened');
  assert.match(lines[0] ?? '', /^ts=\d{4}-\d\d-\d\dT[\d:.]+Z level=warn msg="it happened" /);
  assert.match(lines[0] ?? '', / path=\/metrics samples=12 note="two words" empty="" ok=true\n$/);
});

test('json: an object a line with the level by name', () => {
  const { log, lines } = record('json');
  log.info({ samples: 12 }, 'it happened');
  const { ts, ...rest } = JSON.parse(lines[0] ?? '');
  assert.match(ts, /^\d{4}-/);
  assert.deepEqual(rest, { level: 'info', samples: 12, msg: 'it happened' });
});

for (const format of ['logfmt', 'json'] as const) {
  test(`${format}: no value and no key forges a line or reaches the terminal`, () => {
    const { log, lines } = record(format);
    log.info({ value: FORGED, [`key ${FORGED}`]: 1, nested: { deep: FORGED } }, FORGED);
    log.error({ err: new Error(FORGED, { cause: new Error(FORGED) }) }, 'failed');
    assert.equal(lines.length, 2);
    for (const line of lines) {
      assert.match(line, /^[\x20-\x7e]+\n$/);
      assert.doesNotMatch(line, /\nts=/);
    }
  });

  test(`${format}: credentials are not shown`, () => {
    const { log, lines } = record(format);
    log.info(
      { authorization: 'Basic c2VjcmV0', headers: { cookie: 'c2VjcmV0' }, password: 'c2VjcmV0' },
      'request',
    );
    assert.match(lines[0] ?? '', /redacted/);
    assert.doesNotMatch(lines[0] ?? '', /c2VjcmV0/);
  });
}

test('an error is told with its causes, in one line and without a stack', () => {
  const { log, lines } = record('logfmt');
  log.error({ err: new Error('it failed', { cause: new Error('no route') }) }, 'failed');
  assert.match(lines[0] ?? '', /err="it failed: no route"\n$/);
});

test('what is below the level is not written', () => {
  const { log, lines } = record('logfmt', 'warn');
  log.info('no');
  log.warn('yes');
  assert.equal(lines.length, 1);
});
