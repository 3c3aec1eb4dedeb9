import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { Gateway } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { ingest, scrapeOf } from '../support/push.ts';
import { RedisServer } from '../support/redis-server.ts';

const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-tls-'));
after(() => rm(directory, { recursive: true, force: true }));

const path = (name: string): string => join(directory, name);

async function openssl(...args: string[]): Promise<void> {
  await promisify(execFile)('openssl', args, { cwd: directory });
}

async function key(name: string, subject: string): Promise<void> {
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-new',
    ...kind,
    '-keyout',
    `${name}.key`,
    '-subj',
    `/CN=${subject}`,
    '-out',
    `${name}.csr`,
  );
}

/** A key and a certificate by our authority. */
async function certify(name: string, alternativeName: string, days = 2): Promise<void> {
  await key(name, name);
  await writeFile(path(`${name}.ext`), `subjectAltName=${alternativeName}\n`);
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
  await openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-days', String(days), '-out', `${name}.pem`);
}

await key('ca', 'an authority');
await openssl('x509', '-req', '-in', 'ca.csr', '-signkey', 'ca.key', '-days', '2', '-out', 'ca.pem');
await certify('good', 'IP:127.0.0.1');
await certify('expired', 'IP:127.0.0.1', -1);
await certify('other-name', 'DNS:redis.example.org');
await certify('client', 'DNS:client.example.org');
await key('self-signed', '127.0.0.1');
await writeFile(path('self-signed.ext'), 'subjectAltName=IP:127.0.0.1\n');
await openssl(
  ...['x509', '-req', '-in', 'self-signed.csr', '-signkey', 'self-signed.key', '-days', '2'],
  ...['-extfile', 'self-signed.ext', '-out', 'self-signed.pem'],
);

async function withTls(certificate: string, args: readonly string[] = []) {
  const port = await freePort();
  // biome-ignore format: one setting a line
  const redis = await RedisServer.start({
    args: [
      '--tls-port', String(port),
      '--tls-cert-file', path(`${certificate}.pem`),
      '--tls-key-file', path(`${certificate}.key`),
      '--tls-ca-cert-file', path('ca.pem'),
      '--tls-auth-clients', 'no',
      ...args,
    ],
  });
  return { endpoint: `--redis.endpoint=127.0.0.1:${port}`, [Symbol.asyncDispose]: () => redis.stop() };
}

async function serves(args: readonly string[]): Promise<void> {
  await using gateway = await Gateway.ready({ args });
  assert.equal((await ingest(gateway, 'a 1\n')).status, 200);
  assert.match(await scrapeOf(gateway), /^a 1$/m);
}

async function refuses(args: readonly string[], why: RegExp): Promise<void> {
  await using gateway = await Gateway.start({ args });
  await gateway.whenNotReady();
  const deadline = Date.now() + 10_000;
  while (!why.test(gateway.log) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(gateway.log, why);
  const answer = await ingest(gateway, 'a 1\n');
  assert.equal(answer.status, 503);
}

const trusting = ['--redis.tls-enabled', `--redis.tls-ca-path=${path('ca.pem')}`];

test('a certificate by the authority that is named is accepted, by none that is known is not', async () => {
  await using redis = await withTls('good');
  await serves([redis.endpoint, ...trusting]);
  await refuses([redis.endpoint, '--redis.tls-enabled'], /certificate of Redis is not accepted/);
  await serves([redis.endpoint, '--redis.tls-enabled', '--redis.tls-skip-verify']);
});

test('an expired certificate is refused, and the log says why', async () => {
  await using redis = await withTls('expired');
  await refuses(
    [redis.endpoint, ...trusting],
    /certificate of Redis is not accepted: certificate has expired/,
  );
});

test('a certificate that certifies itself is refused', async () => {
  await using redis = await withTls('self-signed');
  await refuses(
    [redis.endpoint, ...trusting],
    /certificate of Redis is not accepted: self-signed certificate/,
  );
});

test('a certificate for another name is refused, unless that is the name to expect', async () => {
  await using redis = await withTls('other-name');
  await refuses([redis.endpoint, ...trusting], /certificate of Redis is not accepted: .*127\.0\.0\.1/);
  await serves([redis.endpoint, ...trusting, '--redis.tls-server-name=redis.example.org']);
});

test('a Redis that asks for a certificate takes one by its authority, and none other', async () => {
  await using redis = await withTls('other-name', ['--tls-auth-clients', 'yes']);
  const named = [redis.endpoint, ...trusting, '--redis.tls-server-name=redis.example.org'];
  const own = (name: string): string[] => [
    `--redis.tls-cert-path=${path(`${name}.pem`)}`,
    `--redis.tls-key-path=${path(`${name}.key`)}`,
  ];
  await serves([...named, ...own('client')]);
  await refuses(named, /Redis is not available/);
  await refuses([...named, ...own('self-signed')], /Redis is not available/);
});

test('a Redis without TLS, asked with it, is not ready and does not hang', async () => {
  await using redis = await RedisServer.start();
  await refuses([`--redis.endpoint=${redis.endpoint}`, ...trusting], /Redis is not available/);
});
