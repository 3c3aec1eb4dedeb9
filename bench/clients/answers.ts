import { setTimeout as sleep } from 'node:timers/promises';
import { KeepAliveClient, type Request } from './keep-alive-client.ts';

const RETRY_MS = 2;

/** Resolves when a request is answered with 200, for which it may have to be sent often. */
export async function answers(port: number, request: Request, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while ((await statusOf(port, request)) !== 200) {
    if (performance.now() > deadline)
      throw new Error(`${request.path} on port ${port} was not answered with 200 within ${timeoutMs} ms`);
    await sleep(RETRY_MS);
  }
}

/** 0 while nobody listens. */
async function statusOf(port: number, request: Request): Promise<number> {
  try {
    using client = await KeepAliveClient.connect(port);
    return (await client.send(request)).status;
  } catch {
    return 0;
  }
}
