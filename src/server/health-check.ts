import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { SECOND } from '../units.ts';

const TIMEOUT_MS = 3 * SECOND;

export interface HealthCheckOptions {
  /** What the gateway listens on. Undefined or a wildcard: it is asked on the loopback interface. */
  readonly host: string | undefined;
  readonly port: number;
  readonly tls: boolean;
  readonly routePrefix?: string;
}

/** Asks a running gateway whether it is healthy. Resolves with undefined if so, else with why not; does not reject. */
export function checkHealth(options: HealthCheckOptions): Promise<string | undefined> {
  const { host } = options;
  const target = {
    host: host === undefined || host === '' || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host,
    port: options.port,
    path: `${options.routePrefix ?? ''}/-/healthy`,
    timeout: TIMEOUT_MS,
    agent: false as const,
  };
  return new Promise((resolve) => {
    // It is ourselves, by an address that the certificate need not name.
    const request = options.tls
      ? httpsRequest({ ...target, rejectUnauthorized: false })
      : httpRequest(target);
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? undefined : `the gateway answered ${response.statusCode}`);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.on('error', (error) => resolve(`the gateway does not answer: ${error.message}`));
    request.end();
  });
}
