import { SeriesHash } from './src/workers/identity.ts';
import { lineBlocks } from './src/server/ingest/line-blocks.ts';
import { DeclaredTypesLog } from './src/server/ingest/declared-types.ts';
import { Readable } from 'node:stream';
const body = Buffer.from(Array.from({length: 5000}, (_, i) => `a{x="${i}"} 1\n`).join(''));
function* chunks(n: number) { for (let i = 0; i < body.length; i += n) yield body.subarray(i, i + n); }
for (const n of [100000, 5000, 1000, 100]) {
const t = performance.now(); let c = 0;
for await (const b of Readable.from(chunks(n)).compose(lineBlocks({ maxLineBytes: 1<<20, targetBytes: () => 16*1024, secretHash: new SeriesHash(Buffer.alloc(16,3)), declared: new DeclaredTypesLog() }))) c++;
const t2 = performance.now(); let d = 0;
for await (const b of Readable.from(chunks(n)).pipe(lineBlocks({ maxLineBytes: 1<<20, targetBytes: () => 16*1024, secretHash: new SeriesHash(Buffer.alloc(16,3)), declared: new DeclaredTypesLog() }))) d++;
console.log(n, c, (t2 - t).toFixed(1), 'pipe', d, (performance.now() - t2).toFixed(1));
}
