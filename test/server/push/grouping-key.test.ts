import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RequestError } from '../../../src/server/errors.ts';
import { GroupingKeyError, groupingPath, parseGroupingKey } from '../../../src/server/push/grouping-key.ts';

const CLASSIC = { utf8Names: false };
const UTF8 = { utf8Names: true };

/** The labels without the job `j`, which most have. */
function labels(path: string, options = CLASSIC): Record<string, string> {
  const key = parseGroupingKey(path, options);
  return Object.fromEntries(key.filter(([name, value]) => name !== 'job' || value !== 'j'));
}

const TAKEN: ReadonlyArray<readonly [path: string, expected: Record<string, string>]> = [
  ['job/j', {}],
  ['job/j/', {}],
  ['job/other', { job: 'other' }],
  ['job@base64/b3RoZXI', { job: 'other' }],
  ['job@base64/b3RoZXI=', { job: 'other' }],
  ['job%40base64/b3RoZXI%3D', { job: 'other' }],
  ['j%6Fb/j/a/b', { a: 'b' }],
  ['job/j/a/b', { a: 'b' }],
  ['job/j/a/', { a: '' }],
  ['job/j/a//b/c', { a: '', b: 'c' }],
  ['job/j/a//b/', { a: '', b: '' }],
  ['job/j/a/b%2Fc', { a: 'b/c' }],
  ['job/a%2Fb%2Fc', { job: 'a/b/c' }],
  ['job/j/a/../b/.', { a: '..', b: '.' }],
  ['job/j/a@base64/L3Zhci90bXA', { a: '/var/tmp' }],
  ['job/j/a@base64/L3Zhci90bXA=', { a: '/var/tmp' }],
  ['job/j/a@base64/eA==', { a: 'x' }],
  ['job/j/a@base64/eA====', { a: 'x' }],
  ['job/j/a%40base64/eA%3D%3D', { a: 'x' }],
  // The last bits need not be zero, and line ends do not count.
  ['job/j/a@base64/eB', { a: 'x' }],
  ['job/j/a@base64/e%0D%0AA', { a: 'x' }],
  ['job/j/a@base64/Pj4_', { a: '>>?' }],
  ['job/j/a@base64/=', { a: '' }],
  ['job/j/a@base64/==', { a: '' }],
  ['job/j/a@base64/%3D', { a: '' }],
  ['job/j/a@base64/', { a: '' }],
  ['job/j/a@base64//b/c', { a: '', b: 'c' }],
  ['job/j/a/x%20y', { a: 'x y' }],
  ['job/j/a/x+y', { a: 'x+y' }],
  ['job/j/a/%CE%A0', { a: 'Π' }],
  ['job/j/a/Î\u00a0', { a: 'Π' }],
  ['job/j/a/%EF%BB%BFx', { a: '\ufeffx' }],
  ['job/j/a/%0A%22%5C%3F%00', { a: '\n"\\?\0' }],
  ['job/j/a/%2525', { a: '%25' }],
  ['job/j/job/other', {}],
  ['job/j/job@base64/b3RoZXI', {}],
  ['job/j/a/1/a/2', { a: '2' }],
  ['job/j/a/1/a@base64/Mg', { a: '2' }],
  ['job/j/instance/', { instance: '' }],
  ['job/j/U__foo_2e_bar/v', { U__foo_2e_bar: 'v' }],
  ['job/j/constructor/v/_/w', { constructor: 'v', _: 'w' }],
  [`job/j${'/a/b'.repeat(1_000)}`, { a: 'b' }],
];

for (const [path, expected] of TAKEN) {
  test(`${path.slice(0, 60)} names a group`, () => {
    assert.deepEqual({ ...labels(path) }, { ...expected });
  });
}

const TAKEN_UTF8: ReadonlyArray<readonly [path: string, name: string]> = [
  ['job/j/U__foo_2e_bar/v', 'foo.bar'],
  ['job/j/U__foo_2E_bar/v', 'foo.bar'],
  ['job/j/U__foo_2e_bar@base64/dg', 'foo.bar'],
  ['job/j/U__a__b/v', 'a_b'],
  ['job/j/U___3a0_/v', 'Π'],
  ['job/j/U___1f600_/v', '😀'],
  ['job/j/U___10ffff_/v', '\u{10ffff}'],
  ['job/j/U___0_/v', '\0'],
  ['job/j/foo.bar/v', 'foo.bar'],
  ['job/j/0a/v', '0a'],
  ['job/j/%CE%A0/v', 'Π'],
  ['job/j/a%20b/v', 'a b'],
  ['job/j/a%2Fb/v', 'a/b'],
  ['job/j/a@BASE64/v', 'a@BASE64'],
  // What is no escape leaves the name as it is.
  ['job/j/U__foo_2e/v', 'U__foo_2e'],
  ['job/j/U__foo_xx_/v', 'U__foo_xx_'],
  ['job/j/U__foo_/v', 'U__foo_'],
  ['job/j/U___d800_/v', 'U___d800_'],
  ['job/j/U___110000_/v', 'U___110000_'],
  ['job/j/U___0000041_/v', 'U___0000041_'],
  ['job/j/u__foo_2e_bar/v', 'u__foo_2e_bar'],
];

for (const [path, name] of TAKEN_UTF8) {
  test(`with UTF-8 names ${path} has the label ${JSON.stringify(name)}`, () => {
    assert.deepEqual(labels(path, UTF8), { [name]: 'v' });
  });
}

test('an escaped job is the job, and the leading one wins', () => {
  assert.deepEqual(parseGroupingKey('job/j/U__job/other', UTF8), [['job', 'j']]);
});

const REFUSED: ReadonlyArray<readonly [path: string, message: string | RegExp]> = [
  ['job/j/a', 'odd number of components in label string "/a"'],
  ['job/j/a/b/c', 'odd number of components in label string "/a/b/c"'],
  ['job/j/a/b/', 'odd number of components in label string "/a/b/"'],
  ['job/j//a/b', 'odd number of components in label string "//a/b"'],
  ['job/j/a%0Ab%01%CE%A0', 'odd number of components in label string "/a\\nb\\x01Π"'],
  ['job/j/0a/v', 'improper label name "0a"'],
  ['job/j/a-b/v', 'improper label name "a-b"'],
  ['job/j/a:b/v', 'improper label name "a:b"'],
  ['job/j/%CE%A0/v', 'improper label name "Π"'],
  ['job/j/a%0A/v', 'improper label name "a\\n"'],
  ['job/j//v', 'improper label name ""'],
  ['job/j/@base64/dg', 'improper label name ""'],
  ['job/j/__a/v', 'improper label name "__a"'],
  ['job/j/__name__/v', 'improper label name "__name__"'],
  ['job/j/__a@base64/dg', 'improper label name "__a"'],
  ['job/j/a@BASE64/v', 'improper label name "a@BASE64"'],
  ['job/j/a@base64@base64/v', 'improper label name "a@base64"'],
  ['job/j/%FF/v', 'improper label name "\\xff"'],
  ['job/j/a@base64/A', 'invalid base64 encoding for label a="A": illegal base64 data at input byte 0'],
  [
    'job/j/a@base64/eHh4A',
    'invalid base64 encoding for label a="eHh4A": illegal base64 data at input byte 4',
  ],
  ['job/j/a@base64/ab+c', 'invalid base64 encoding for label a="ab+c": illegal base64 data at input byte 2'],
  [
    'job/j/a@base64/ab%2Fc',
    'invalid base64 encoding for label a="ab/c": illegal base64 data at input byte 2',
  ],
  ['job/j/a@base64/a=b', 'invalid base64 encoding for label a="a=b": illegal base64 data at input byte 1'],
  ['job@base64/A', 'invalid base64 encoding in job name "": illegal base64 data at input byte 0'],
  ['job@base64/eHh4*', 'invalid base64 encoding in job name "xxx": illegal base64 data at input byte 4'],
  ['job@base64/=', 'job name is required'],
  ['job@base64/', 'job name is required'],
  ['job/', 'job name is required'],
  ['job//a/b', 'job name is required'],
  ['job//', 'job name is required'],
  ['job/j/a/%zz', 'invalid URL escape "%zz"'],
  ['job/j/a/%E0%A4%A', 'invalid URL escape "%A"'],
  ['job/j/a/%', 'invalid URL escape "%"'],
  ['job/j/a@base64/_w', 'label a has a value that is not valid UTF-8: "\\xff"'],
  ['job/j/a/%FF', 'label a has a value that is not valid UTF-8: "\\xff"'],
  ['job/%FF', 'label job has a value that is not valid UTF-8: "\\xff"'],
  ['job/j/a/%ED%A0%80', /^label a has a value that is not valid UTF-8/],
  ['job/j/a/%C0%80', /^label a has a value that is not valid UTF-8/],
  [`job/j${'/a/b'.repeat(1_001)}`, 'a grouping key has at most 1000 labels'],
  [`job/${'x'.repeat(70_000)}`, 'a path of more than 64 KiB names no group'],
  [`job/j/${'x'.repeat(60_000)}`, /^.{0,300}$/],
];

for (const [path, message] of REFUSED) {
  test(`${path.slice(0, 60)} is refused`, () => {
    assert.throws(
      () => parseGroupingKey(path, CLASSIC),
      (error) => {
        assert.ok(error instanceof GroupingKeyError);
        assert.equal(error.code, 'ERR_GROUPING_KEY');
        if (typeof message === 'string') assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      },
    );
  });
}

for (const [path, name] of [
  ['job/j/U__/v', 'U__'],
  ['job/j/__x/v', '__x'],
  // The official gateway looks at the escaped name only, and then answers every scrape with 500.
  ['job/j/U___5f__5f_x/v', 'U___5f__5f_x'],
  ['job/j/U______x/v', 'U______x'],
  ['job/j/U___5f__5f_name__/v', 'U___5f__5f_name__'],
  ['job/j//v', ''],
  ['job/j/%FF/v', '\\xff'],
] as const) {
  test(`with UTF-8 names ${path} is refused`, () => {
    assert.throws(() => parseGroupingKey(path, UTF8), {
      code: 'ERR_GROUPING_KEY',
      message: `improper label name "${name}"`,
    });
  });
}

for (const path of ['', 'jobs/x', 'Job/x', 'job@BASE64/eA', 'JOB@base64/eA', '/job/j', 'instance/a/job/j']) {
  test(`${JSON.stringify(path)} is no path of a group`, () => {
    assert.throws(
      () => parseGroupingKey(path, CLASSIC),
      (error) => error instanceof RequestError && error.code === 'ERR_NOT_FOUND',
    );
  });
}

test('the labels are sorted by the bytes of their names', () => {
  // In UTF-16 the last two would be the other way round.
  const key = parseGroupingKey('job/j/z/1/a/2/B/3/%F0%90%80%80/4/%EF%BF%BD/5/_/6', UTF8);
  assert.deepEqual(
    key.map(([name]) => name),
    ['B', '_', 'a', 'job', 'z', '\ufffd', '\u{10000}'],
  );
});

const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '/', '.', '..', 'a/b', '%2F', '+', 'a b', '@base64', '=', '\0', '\ufeff', 'Π', '😀'),
);
const classicName = fc.stringMatching(/^(U__)?[a-zA-Z][a-zA-Z0-9_]{0,10}$/);
const anyName = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }),
    classicName,
    fc.constantFrom('U__', 'a@base64'),
  )
  .filter((name) => !name.startsWith('__') && name !== '');

for (const [options, name] of [
  [CLASSIC, classicName],
  [UTF8, anyName],
] as const) {
  test(`any key comes back from its path (${JSON.stringify(options)})`, () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
        fc.dictionary(name, value, { maxKeys: 6 }),
        (job, others) => {
          const expected = Object.entries({ ...others, job })
            .map(([name, value]) => [name, value] as const)
            .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
          const path = groupingPath(expected, options);
          assert.match(path, /^job(@base64)?\/[!-~]+$/);
          assert.deepEqual(parseGroupingKey(path, options), expected);
        },
      ),
      { numRuns: 500 },
    );
  });
}

test('any path is a key or a refusal', () => {
  const part = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom('a', 'a@base64', 'eA', '%', '%4', '%41', ''),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.boolean(), (parts, utf8Names) => {
      try {
        const key = parseGroupingKey(['job', ...parts].join('/'), { utf8Names });
        assert.ok(key.some(([name, value]) => name === 'job' && value !== ''));
        assert.equal(new Set(key.map(([name]) => name)).size, key.length);
      } catch (error) {
        assert.ok(error instanceof GroupingKeyError, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('paths of groups are short and readable where they can be', () => {
  const key = [
    ['a', 'x y'],
    ['b', ''],
    ['c', '/tmp'],
    ['job', 'Π'],
  ] as const;
  assert.equal(groupingPath(key), 'job/%CE%A0/a/x%20y/b@base64/=/c@base64/L3RtcA');
});
