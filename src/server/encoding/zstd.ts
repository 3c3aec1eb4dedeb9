import * as zlib from 'node:zlib';
import { KIB } from '../../units.ts';
import type { ZlibStream } from './zlib-decoder.ts';

/** Of Node 22.15 and later. */
interface ZstdModule {
  createZstdDecompress?(options: { chunkSize: number; params: Record<number, number> }): ZlibStream;
  readonly constants: { readonly ZSTD_d_windowLogMax?: number };
}

const { createZstdDecompress, constants } = zlib as unknown as ZstdModule;
/** 8 MiB, which RFC 8878 asks every decoder to take. A frame may ask for gigabytes. */
const MAX_WINDOW_LOG = 23;

export const hasZstd = createZstdDecompress !== undefined;

export function createZstdDecoder(): ZlibStream {
  if (createZstdDecompress === undefined) throw new Error('this Node has no zstd');
  const params = { [constants.ZSTD_d_windowLogMax as number]: MAX_WINDOW_LOG };
  return createZstdDecompress({ chunkSize: 64 * KIB, params });
}
