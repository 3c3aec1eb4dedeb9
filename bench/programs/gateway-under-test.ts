import type { Transfer, TransferOptions } from '../clients/curl.ts';
import { download, upload } from '../clients/curl.ts';
import type { Body } from '../data/bodies.ts';

/** A gateway that runs, ours or the official one. */
export interface GatewayUnderTest {
  readonly port: number;
  readonly pid: number;
}

/** The group that large bodies are pushed to. */
export const GROUP_PATH = '/metrics/job/bench';

/** A push of a large body; resolves with the seconds it took. */
export async function push(
  gateway: GatewayUnderTest,
  body: Body,
  { method = 'POST' as 'POST' | 'PUT', path = GROUP_PATH, headers = [] as readonly string[] } = {},
): Promise<number> {
  const { seconds } = await upload(method, `${origin(gateway)}${path}`, body, { headers });
  return seconds;
}

/** A scrape; it fails when less comes than must be there. */
export async function scrape(
  gateway: GatewayUnderTest,
  { leastBytes = 0, ...options }: TransferOptions & { readonly leastBytes?: number } = {},
): Promise<Transfer> {
  const transfer = await download(`${origin(gateway)}/metrics`, options);
  if (transfer.receivedBytes < leastBytes)
    throw new Error(`a scrape had ${transfer.receivedBytes} bytes, expected ${leastBytes}`);
  return transfer;
}

function origin({ port }: GatewayUnderTest): string {
  return `http://127.0.0.1:${port}`;
}
