import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestError } from '../../../src/server/errors.ts';
import { pushTtl } from '../../../src/server/push/push-ttl.ts';
import { HOUR, MINUTE, SECOND } from '../../../src/units.ts';

interface Asked {
  readonly query?: string;
  readonly header?: string;
  readonly max?: number;
}

function ttl({ query = '', header, max = 0 }: Asked): number {
  const headers = header === undefined ? {} : { 'x-pushgateway-ttl': header };
  const defaults = { expirationMs: 5 * MINUTE, maxTtlMs: max, rules: [] };
  return pushTtl(new URLSearchParams(query), headers, defaults);
}

const CASES: ReadonlyArray<readonly [asked: Asked, ms: number]> = [
  [{}, 5 * MINUTE],
  [{ query: 'ttl=26h' }, 26 * HOUR],
  [{ query: 'ttl=1h30m' }, 90 * MINUTE],
  [{ query: 'ttl=1.5s' }, 1_500],
  [{ query: 'ttl=0' }, 0],
  [{ query: 'ttl=0s' }, 0],
  [{ header: '90s' }, 90 * SECOND],
  [{ header: ' 90s ' }, 90 * SECOND],
  [{ header: '0' }, 0],
  [{ query: 'ttl=1m', header: '2m' }, MINUTE],
  [{ query: 'mode=merge', header: '2m' }, 2 * MINUTE],
  [{ query: 'ttl=1m&ttl=2m' }, MINUTE],
  [{ query: 'ttl=2h', max: HOUR }, HOUR],
  [{ query: 'ttl=30m', max: HOUR }, 30 * MINUTE],
  [{ query: 'ttl=0', max: HOUR }, HOUR],
  [{ header: '0', max: HOUR }, HOUR],
  [{ max: MINUTE }, 5 * MINUTE],
];

for (const [asked, ms] of CASES) {
  test(`${JSON.stringify(asked)} is ${ms} ms`, () => assert.equal(ttl(asked), ms));
}

for (const text of [
  '',
  '5',
  '-5m',
  '1d',
  'never',
  '1 h',
  '5m,6m',
  '1h30',
  'ms',
  '1e3s',
  'NaN',
  '876001h',
  '99999999999999999999h',
  'x'.repeat(5_000),
]) {
  test(`${JSON.stringify(text.slice(0, 20))} is refused with a sentence`, () => {
    for (const asked of [{ query: `ttl=${encodeURIComponent(text)}` }, { header: text, max: HOUR }]) {
      assert.throws(
        () => ttl(asked),
        (error) => {
          assert.ok(error instanceof RequestError);
          assert.equal(error.code, 'ERR_BAD_TTL');
          assert.match(
            error.message,
            /^the (parameter ttl|header X-Pushgateway-TTL) is ".*" but must be|, but must/,
          );
          assert.equal(error.message.includes('at most 1h (push.max_ttl)'), 'max' in asked);
          assert.ok(error.message.length < 250);
          return true;
        },
      );
    }
  });
}

test('the first rule that matches the group says how long, unless the push does', () => {
  const selects = (name: string, value: string) => ({
    matches: (labels: ReadonlyMap<string, string>) => labels.get(name) === value,
  });
  const rules = [
    { selector: selects('job', 'nightly'), ttlMs: 26 * HOUR },
    { selector: selects('instance', 'a'), ttlMs: 0 },
    { selector: selects('job', 'nightly'), ttlMs: 1 },
  ];
  const defaults = { expirationMs: MINUTE, maxTtlMs: HOUR, rules };
  const of = (query: string, group?: ReadonlyArray<readonly [string, string]>) =>
    pushTtl(new URLSearchParams(query), {}, { ...defaults, group });
  // The bound is for what a push asks for, not for what the operator has set.
  assert.equal(of('', [['job', 'nightly']]), 26 * HOUR);
  assert.equal(
    of('', [
      ['instance', 'a'],
      ['job', 'nightly'],
    ]),
    26 * HOUR,
  );
  assert.equal(
    of('', [
      ['instance', 'a'],
      ['job', 'other'],
    ]),
    0,
  );
  assert.equal(of('', [['job', 'other']]), MINUTE);
  assert.equal(of(''), MINUTE);
  assert.equal(of('ttl=10m', [['job', 'nightly']]), 10 * MINUTE);
});
