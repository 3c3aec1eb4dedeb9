import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../config/load.ts';

/** Relative, so that the messages are short enough to be whole. */
const folder = fileURLToPath(new URL('testdata', import.meta.url));
process.chdir(folder);

const load = (key: string, cert: string) =>
  loadConfig({ flags: { tls_enabled: 'true', tls_key_path: key, tls_cert_path: cert } });

test('a key with its certificate', () => {
  assert.deepEqual(load('server.key', 'server.crt').tls, { keyPath: 'server.key', certPath: 'server.crt' });
});

test('files are not looked at without TLS', () => {
  const config = loadConfig({ flags: { tls_key_path: 'none.key', tls_cert_path: 'none.crt' } });
  assert.equal(config.tls, undefined);
});

const bad: [title: string, key: string, cert: string, message: string][] = [
  [
    'no key',
    '',
    'server.crt',
    'tls_key_path: got nothing, takes the path of a PEM file when tls_enabled is true',
  ],
  [
    'no certificate',
    'server.key',
    '',
    'tls_cert_path: got nothing, takes the path of a PEM file when tls_enabled is true',
  ],
  [
    'a key that is missing',
    'none.key',
    'server.crt',
    'tls_key_path: got "none.key", takes a file that can be read (no such file)',
  ],
  [
    'a certificate that is missing',
    'server.key',
    'none.crt',
    'tls_cert_path: got "none.crt", takes a file that can be read (no such file)',
  ],
  ['a folder', '.', 'server.crt', 'tls_key_path: got ".", takes a file that can be read (it is a directory)'],
  [
    'a key that is none',
    'server.crt',
    'server.crt',
    'tls_key_path: got "server.crt", takes a private key in PEM format without a passphrase',
  ],
  [
    'a key with a passphrase',
    'encrypted.key',
    'server.crt',
    'tls_key_path: got "encrypted.key", takes a private key in PEM format without a passphrase',
  ],
  [
    'a certificate that is none',
    'server.key',
    'server.key',
    'tls_cert_path: got "server.key", takes a certificate in PEM format',
  ],
  [
    'a key of another certificate',
    'other.key',
    'server.crt',
    'tls_cert_path: got "server.crt", takes the certificate that belongs to tls_key_path',
  ],
];

for (const [title, key, cert, message] of bad) {
  test(`${title} is refused`, () => {
    assert.throws(() => load(key, cert), { name: 'ConfigError', message });
  });
}

test('the program of the embedded Redis has to be one, if it is named by a path', () => {
  const withBinary = (binary: string, endpoint = 'embedded') =>
    loadConfig({ flags: { 'redis.endpoint': endpoint, 'redis.embedded.binary': binary } });
  const refused = (path: string) => ({
    name: 'ConfigError',
    message: `redis.embedded.binary: got "${path}", takes a program that can be run`,
  });
  assert.throws(() => withBinary('./none'), refused('./none'));
  assert.throws(() => withBinary('./empty.yml.good'), refused('./empty.yml.good'));
  assert.throws(() => withBinary('../testdata'), refused('../testdata'));
  assert.equal(withBinary('/bin/sh').redis.embedded.binary, '/bin/sh');
  assert.equal(withBinary('my-redis').redis.embedded.binary, 'my-redis');
  assert.equal(withBinary('./none', ':6379').redis.embedded.binary, './none');
});
