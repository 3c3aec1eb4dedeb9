import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDecoder, encodingProblem } from '../../../src/server/encoding/decoder.ts';
import type { ContentEncoding } from '../../../src/server/middleware/content-encoding.ts';

/** What the decoder makes of a body that comes in chunks of so many bytes. */
export async function decode(encoding: ContentEncoding, body: Buffer, size = 65_536): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) chunks.push(body.subarray(at, at + size));
  const decoder = createDecoder(encoding);
  assert.ok(decoder !== undefined);
  const decoded: Buffer[] = [];
  await pipeline(Readable.from(chunks), decoder, async (output: AsyncIterable<Buffer>) => {
    for await (const data of output) decoded.push(data);
  });
  return Buffer.concat(decoded);
}

export async function assertRefused(
  encoding: ContentEncoding,
  body: Buffer,
  message: RegExp,
  code = 'ERR_BAD_BODY',
): Promise<void> {
  for (const size of [1, 7, 65_536]) {
    if (body.length / size > 300_000) continue;
    await assert.rejects(decode(encoding, body, size), (error) => {
      const problem = encodingProblem(error);
      assert.equal(problem?.code, code, String(error));
      assert.match(problem?.message ?? '', message);
      return true;
    });
  }
}
