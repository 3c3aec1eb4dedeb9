import type { Request } from '../clients/keep-alive-client.ts';
import { load } from '../clients/load.ts';
import type { Body } from '../data/bodies.ts';
import type { SourceBody } from '../data/source-body.ts';
import type { GatewayUnderTest } from '../programs/gateway-under-test.ts';
import type { Ours } from '../programs/ours.ts';

const HOLDERS = 4;

export const INGEST = { path: '/ingest' };

/** `1,000,000 series, 139 MB` */
export function inWords({ series, bytes }: Pick<Body, 'series' | 'bytes'>): string {
  return `${count(series)} series, ${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** Says so when Redis's SLOWLOG has something. */
export async function slowCommands({ usage }: Ours): Promise<string | undefined> {
  const slow = await usage.slowCommands();
  return slow === 0 ? undefined : `${slow} commands in the SLOWLOG`;
}

export function notes(...parts: readonly (string | undefined)[]): string | undefined {
  const said = parts.filter((part) => part !== undefined);
  return said.length === 0 ? undefined : said.join('; ');
}

/**
 * A round of pushes, each of them to be held, after a first one that makes their families: pushes that make the same
 * families at once wait for each other, which is a measurement of its own.
 */
export async function hold(
  { port }: Pick<GatewayUnderTest, 'port'>,
  sources: number,
  next: (source: number) => Request,
): Promise<void> {
  await load({ port, clients: 1, count: 1, next });
  await load({ port, clients: HOLDERS, count: sources - 1, next: (number) => next(number + 1) });
}

/** The push of a source to its own group. */
export function pushOfSource(body: SourceBody, source: number): Request {
  return { method: 'PUT', path: `/metrics/job/bench/source/${source}`, body: body.of(source) };
}

export function ingestOfSource(body: SourceBody, source: number): Request {
  return { method: 'POST', path: '/ingest', body: body.of(source) };
}
