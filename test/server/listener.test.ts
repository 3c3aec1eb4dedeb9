import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { StartError } from '../../src/server/errors.ts';
import { checkHealth } from '../../src/server/health-check.ts';
import { Listener, type ListenerOptions, type TlsFiles } from '../../src/server/listener.ts';
import { SECOND } from '../../src/units.ts';
import { RawConnection } from './raw-http.ts';

const LOOPBACK: ListenerOptions = { host: '127.0.0.1', port: 0, tls: undefined, onError: assert.ifError };
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

test('closing ends idle connections at once and lets what is in flight finish', async () => {
  const listener = await Listener.open(LOOPBACK, (req, res) => {
    if (req.url === '/slow') setTimeout(() => res.end('slow answer'), 100);
    else res.end('answer');
  });
  const { port } = listener;
  using idle = await RawConnection.open(listener.port);
  idle.send(GET);
  await idle.until(/answer/);
  using slow = await RawConnection.open(listener.port);
  slow.send('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  await sleep(30);
  assert.equal(await listener.close(10 * SECOND), 0);
  assert.equal(idle.closed, true);
  await slow.until(/slow answer/);
  await assert.rejects(RawConnection.open(port));
});

test('what does not finish in time is cut', async () => {
  const listener = await Listener.open(LOOPBACK, () => {});
  using client = await RawConnection.open(listener.port);
  client.send(GET);
  await sleep(30);
  assert.equal(await listener.close(50), 1);
  await client.untilClosed();
});

test('a port that is taken is told in one line', async () => {
  const listener = await Listener.open(LOOPBACK, () => {});
  await assert.rejects(
    Listener.open({ ...LOOPBACK, port: listener.port }, () => {}),
    new StartError(`port ${listener.port} is taken by another program: choose another with --port`),
  );
  await listener.close(0);
});

test('an address of another machine is told in one line', async () => {
  await assert.rejects(
    Listener.open({ ...LOOPBACK, host: '203.0.113.1' }, () => {}),
    new StartError('host 203.0.113.1 is not an address of this machine: choose another with --host'),
  );
});

/** A self-signed certificate of that name, in place of an older one. */
async function makeCertificate(directory: string, name: string): Promise<TlsFiles> {
  const files = { keyPath: join(directory, 'key.pem'), certPath: join(directory, 'cert.pem') };
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', `/CN=${name}`, '-keyout', files.keyPath, '-out', files.certPath],
  ]);
  return files;
}

test('over TLS', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-tls-'));
  const tls = await makeCertificate(directory, 'x');
  const listener = await Listener.open({ ...LOOPBACK, tls }, (_req, res) => res.end('answer'));
  try {
    const status = await new Promise((resolve, reject) => {
      const get = request({
        port: listener.port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        agent: false,
      });
      get.on('response', (res) => resolve(res.resume().statusCode)).on('error', reject);
      get.end();
    });
    assert.equal(status, 200);
    assert.equal(await checkHealth({ host: '0.0.0.0', port: listener.port, tls: true }), undefined);
    await assert.rejects(
      Listener.open({ ...LOOPBACK, tls: { ...tls, certPath: join(directory, 'gone.pem') } }, () => {}),
      /^StartError: tls_key_path and tls_cert_path cannot be used: ENOENT/,
    );
  } finally {
    await listener.close(0);
    await rm(directory, { recursive: true });
  }
});

test('the certificate can be renewed, for the connections that follow', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-tls-'));
  const tls = await makeCertificate(directory, 'old');
  const listener = await Listener.open({ ...LOOPBACK, tls }, (_req, res) => res.end('answer'));
  const nameShown = async (): Promise<string | undefined> => {
    const socket = connect({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  };
  try {
    assert.equal(await listener.renewCertificate(tls), false);
    await makeCertificate(directory, 'new');
    assert.equal(await nameShown(), 'old');
    assert.equal(await listener.renewCertificate(tls), true);
    assert.equal(await nameShown(), 'new');
    await writeFile(tls.certPath, 'nonsense');
    await assert.rejects(
      listener.renewCertificate(tls),
      /^StartError: tls_key_path and tls_cert_path cannot/,
    );
    assert.equal(await nameShown(), 'new');
  } finally {
    await listener.close(0);
    await rm(directory, { recursive: true });
  }
});

test('the health check says what is wrong', async () => {
  const listener = await Listener.open(LOOPBACK, (_req, res) => {
    res.statusCode = 500;
    res.end();
  });
  const target = { host: undefined, port: listener.port, tls: false };
  assert.equal(await checkHealth(target), 'the gateway answered 500');
  await listener.close(0);
  assert.match((await checkHealth(target)) ?? '', /^the gateway does not answer: .*ECONNREFUSED/);
});
