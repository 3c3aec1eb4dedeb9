import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatEndpoint, maskEndpoints, parseEndpoints } from '../../config/endpoints.ts';

const addresses: [string, { host: string; port: number } | { path: string }][] = [
  [':6379', { host: 'localhost', port: 6379 }],
  ['redis', { host: 'redis', port: 6379 }],
  ['redis:7000', { host: 'redis', port: 7000 }],
  ['10.0.0.1:65535', { host: '10.0.0.1', port: 65_535 }],
  ['my_redis.svc-1.local:1', { host: 'my_redis.svc-1.local', port: 1 }],
  ['[::1]:6380', { host: '::1', port: 6380 }],
  ['[fe80::1]', { host: 'fe80::1', port: 6379 }],
  ['unix:/run/redis.sock', { path: '/run/redis.sock' }],
  ['unix:///run/redis.sock', { path: '/run/redis.sock' }],
  [`unix:/${'x'.repeat(106)}`, { path: `/${'x'.repeat(106)}` }],
];

const bad = [
  '',
  ' ',
  ',',
  'a,,b',
  ':',
  'a:',
  'a:0',
  'a:65536',
  'a:b',
  'a:-1',
  'a b',
  '::1',
  '[::1',
  '[localhost]:1',
  '[]:1',
  'user:pass@host:6379',
  'unix:',
  'unix:run/redis.sock',
  `unix:/${'x'.repeat(107)}`,
  'http://a',
  'redis://',
  'redis://a:99999',
  'redis://a:0',
  'redis://a/b',
  'redis://a/-1',
  'redis://a/1/2',
  'redis://a?db=1',
  'redis://a#1',
  'redis://u:%zz@a',
  'embedded,a',
  'Embedded:',
];

test('addresses', () => {
  for (const [text, endpoint] of addresses) {
    assert.deepEqual(parseEndpoints(text), [{ endpoint }], text);
  }
});

test('several addresses, with blanks between', () => {
  assert.deepEqual(parseEndpoints(' a:1 , :2,[::1]:3 '), [
    { endpoint: { host: 'a', port: 1 } },
    { endpoint: { host: 'localhost', port: 2 } },
    { endpoint: { host: '::1', port: 3 } },
  ]);
});

test('the embedded server', () => {
  assert.equal(parseEndpoints('embedded'), 'embedded');
});

test('URLs', () => {
  assert.deepEqual(parseEndpoints('redis://h'), [{ endpoint: { host: 'h', port: 6379 }, secure: false }]);
  assert.deepEqual(parseEndpoints('redis://h/'), [{ endpoint: { host: 'h', port: 6379 }, secure: false }]);
  assert.deepEqual(parseEndpoints('REDISS://h:1/0'), [
    { endpoint: { host: 'h', port: 1 }, secure: true, db: 0 },
  ]);
  assert.deepEqual(parseEndpoints('redis://u%40x:p%2Fw%2C@[::1]:7000/12'), [
    { endpoint: { host: '::1', port: 7000 }, secure: false, username: 'u@x', password: 'p/w,', db: 12 },
  ]);
  assert.deepEqual(parseEndpoints('redis://:pw@h'), [
    { endpoint: { host: 'h', port: 6379 }, secure: false, password: 'pw' },
  ]);
});

test('what is no address is refused', () => {
  for (const text of bad) {
    assert.equal(parseEndpoints(text), undefined, JSON.stringify(text));
  }
});

test('no secret is left in a masked text, however wrong it is', () => {
  const texts = [
    'redis://user:hunter2@host:1',
    'redis://:hunter2@host',
    'rediss://user:hunter2@a,rediss://user:hunter2@b',
    'a:1,redis://user:hunter2@b',
    'redis://user:x@hunter2@host',
    'redis://user:x,hunter2@host',
    'redis://user:x/hunter2@host',
    'redis://user:x#hunter2@host',
    'redis://user:x\nhunter2@host',
    'redis://user:hunter2',
    'redis://user:hunter2 @host',
    'redis:/user:hunter2@host',
    'http://user:hunter2@host',
    'user:hunter2@host',
    'redis://host?password=hunter2',
    'redis://host/0#hunter2',
  ];
  for (const text of texts) {
    assert.doesNotMatch(maskEndpoints(text), /hunter2/, text);
  }
});

test('addresses without secrets are shown as they are', () => {
  for (const text of [':6379', 'a:1,b:2', 'unix:/run/redis.sock', 'embedded', 'redis://host:1/2', 'a:b']) {
    assert.equal(maskEndpoints(text), text);
  }
  assert.equal(maskEndpoints('redis://user:hunter2@host:1/2'), 'redis://***@host:1/2');
});

test('an address is written so that it can be read back', () => {
  for (const [, endpoint] of addresses) {
    assert.deepEqual(parseEndpoints(formatEndpoint(endpoint)), [{ endpoint }]);
  }
});
