import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  anyText,
  boolean,
  bytes,
  choice,
  duration,
  endpointList,
  type Format,
  integer,
  keyPrefix,
  listenHost,
  port,
  urlPath,
} from '../../config/formats.ts';

interface Case {
  readonly format: Format<unknown>;
  readonly good: readonly (readonly [text: string, value: unknown])[];
  readonly bad: readonly string[];
}

const same = (...texts: string[]) => texts.map((text) => [text, text] as const);

const cases: Case[] = [
  {
    format: port,
    good: [
      ['0', 0],
      ['9753', 9753],
      ['65535', 65_535],
    ],
    bad: ['', '65536', '-1', '+1', '1.5', '0x10', '1e3', ' 1', '1 ', 'http', '99999999999999999999'],
  },
  {
    format: integer(1, 64),
    good: [
      ['1', 1],
      ['64', 64],
    ],
    bad: ['0', '65', '', 'one', '1.0'],
  },
  {
    format: bytes('0', '1GiB'),
    good: [
      ['0', 0],
      ['64B', 64],
      ['4096', 4096],
      ['512KiB', 524_288],
      ['64MiB', 67_108_864],
      ['64 MiB', 67_108_864],
      ['1GiB', 1_073_741_824],
    ],
    bad: ['', '2GiB', '512kib', '512KB', '512k', '1.5MiB', '-1', 'MiB', '1MiBs', '1constructor', '1 '],
  },
  {
    format: bytes('1KiB', '16MiB'),
    good: [['1KiB', 1024]],
    bad: ['1023', '0', '17MiB'],
  },
  {
    format: duration('1ms', '24h'),
    good: [
      ['1ms', 1],
      ['24h', 86_400_000],
    ],
    bad: ['0', '24h1ms', '5', ''],
  },
  {
    format: boolean,
    good: [
      ['true', true],
      ['True', true],
      ['1', true],
      ['yes', true],
      ['on', true],
      ['false', false],
      ['FALSE', false],
      ['0', false],
      ['no', false],
      ['off', false],
    ],
    bad: ['', 'maybe', '2', 'truee', ' true'],
  },
  { format: choice('strip', 'honor'), good: same('strip', 'honor'), bad: ['', 'Strip', 'strip ', 'x'] },
  { format: choice('', 'auto'), good: same('', 'auto'), bad: ['x'] },
  {
    format: urlPath,
    good: same('/metrics', '/a/b', '/a-b_c.d~e', '/0', '/...'),
    bad: [
      '',
      '/',
      'metrics',
      '/metrics/',
      '//a',
      '/a b',
      '/a?b',
      '/a#b',
      '/:a',
      '/*',
      '/a/../b',
      '/.',
      '/é',
      '/%41',
      '/a\n',
    ],
  },
  {
    format: listenHost,
    good: [...same('', '127.0.0.1', '::1', '::', 'localhost', 'a-b.example', '0.0.0.0'), ['[::1]', '::1']],
    bad: ['127.0.0.1:80', '[localhost]', 'a b', 'http://a', '[::1', 'a/b', 'a\n'],
  },
  {
    format: keyPrefix,
    good: same('pushgateway:', 'a', 'é', 'x'.repeat(64), 'a b'),
    bad: ['', '{a}', 'a}', 'a{', 'x'.repeat(65), 'é'.repeat(33), 'a\n', 'a\0'],
  },
  { format: anyText, good: same('', 'a b', 'p{}@:/?#"\''), bad: ['a\n', '\0', '\u007f'] },
  {
    format: endpointList,
    good: same(':6379', 'a,b', 'embedded', 'unix:/run/redis.sock'),
    bad: ['', ',', 'a,', 'embedded,a', 'a:0', 'http://a'],
  },
];

for (const { format, good, bad } of cases) {
  test(`${format.name}: what it takes`, () => {
    for (const [text, value] of good) {
      assert.equal(format.parse(text), value, JSON.stringify(text));
    }
  });

  test(`${format.name}: what it refuses`, () => {
    for (const text of bad) {
      assert.equal(format.parse(text), undefined, JSON.stringify(text));
    }
  });

  test(`${format.name}: what it prints can be read back`, () => {
    for (const [, value] of good) {
      assert.equal(format.parse(format.print(value)), value);
    }
  });
}
