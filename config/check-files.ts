import { X509Certificate } from 'node:crypto';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config } from './config.ts';
import { ConfigError, quote } from './config-error.ts';
import { reasonOf } from './file-error.ts';

/**
 * Looks at the files that the configuration names, so that a mistake shows at the start.
 *
 * @throws {ConfigError} A file cannot be read, or is not what it should be.
 */
export function checkFiles(config: Config): void {
  if (config.tls !== undefined) {
    checkTls('', config.tls.keyPath, config.tls.certPath);
  }
  const { caPath, certPath, keyPath } = config.redis.tls ?? {};
  if (caPath !== undefined) {
    checkAuthorities('redis.tls_ca_path', caPath);
  }
  if (certPath !== undefined && keyPath !== undefined) {
    checkTls('redis.', keyPath, certPath);
  }
  const { isEmbedded, embedded } = config.redis;
  if (isEmbedded && embedded.binary?.includes('/')) {
    checkProgram('redis.embedded.binary', embedded.binary);
  }
}

function checkTls(section: string, keyPath: string, certPath: string): void {
  const [keySetting, certSetting] = [`${section}tls_key_path`, `${section}tls_cert_path`];
  const key = readPem(keySetting, keyPath);
  const cert = readPem(certSetting, certPath);
  refuse(keySetting, keyPath, 'a private key in PEM format without a passphrase', () =>
    createSecureContext({ key }),
  );
  refuse(certSetting, certPath, 'a certificate in PEM format', () => createSecureContext({ cert }));
  refuse(certSetting, certPath, `the certificate that belongs to ${keySetting}`, () =>
    createSecureContext({ key, cert }),
  );
}

// Node.js ignores what it cannot read as a certificate there.
function checkAuthorities(setting: string, path: string): void {
  const ca = readPem(setting, path);
  refuse(setting, path, 'certificates in PEM format', () => new X509Certificate(ca));
}

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(
      `${setting}: got ${quote(path)}, takes a file that can be read (${reasonOf(error)})`,
      setting,
    );
  }
}

function refuse(setting: string, path: string, takes: string, attempt: () => unknown): void {
  try {
    attempt();
  } catch {
    throw new ConfigError(`${setting}: got ${quote(path)}, takes ${takes}`, setting);
  }
}

function checkProgram(setting: string, path: string): void {
  refuse(setting, path, 'a program that can be run', () => {
    accessSync(path, constants.X_OK);
    if (!statSync(path).isFile()) {
      throw new TypeError('not a file');
    }
  });
}
