import type { Gateway } from './gateway.ts';

export interface IngestAnswer {
  readonly status: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly errors: ReadonlyArray<{ readonly line: number; readonly message: string }>;
  readonly not_stored?: number;
}

export async function ingest(gateway: Gateway, body: string | Buffer): Promise<IngestAnswer> {
  const response = await fetch(`${gateway.url}/ingest`, { method: 'POST', body });
  return { status: response.status, ...((await response.json()) as Omit<IngestAnswer, 'status'>) };
}

/** The exposition. Rejects if the transfer breaks. */
export async function scrapeOf(gateway: Gateway): Promise<string> {
  const response = await fetch(`${gateway.url}/metrics`);
  if (response.status !== 200)
    throw new Error(`a scrape was answered ${response.status}: ${await response.text()}`);
  return response.text();
}
