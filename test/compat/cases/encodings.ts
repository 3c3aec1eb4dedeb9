import zlib, { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { BODY, type Case, del, get, put, refused, type Section, stored } from '../case.ts';
import { snappyBlock, snappyFramed, zstd } from '../compression.ts';

const J = 'instance="",job="j"';
const STORED = { expect: [200], scrape: stored(J) };
const NOT_TEXT = refused(/^text format parsing error in line 1: /);

// Since Node 22.15.
const HAS_ZSTD = 'createZstdDecompress' in zlib;

type Row = readonly [name: string, encoding: string, body: string | Buffer, ours?: Case['ours']];

const read: Row[] = [
  ['gzip', 'gzip', gzipSync(BODY)],
  ['gzip in two members', 'gzip', Buffer.concat([gzipSync('m '), gzipSync('1\n')])],
  ['identity', 'identity', BODY],
];

const ignored: Row[] = [
  ['GZIP', 'GZIP', gzipSync(BODY), { why: 'more-encodings', ...STORED }],
  ['x-gzip', 'x-gzip', gzipSync(BODY), { why: 'more-encodings', ...STORED }],
  ['deflate', 'deflate', deflateSync(BODY), { why: 'more-encodings', ...STORED }],
  [
    'deflate without the header of zlib',
    'deflate',
    deflateRawSync(BODY),
    { why: 'more-encodings', ...STORED },
  ],
  ['snappy, framed', 'snappy', snappyFramed(BODY), { why: 'more-encodings', ...STORED }],
  ['snappy, a block', 'snappy', snappyBlock(BODY), { why: 'more-encodings', ...STORED }],
  [
    'zstd',
    'zstd',
    zstd(BODY),
    HAS_ZSTD ? { why: 'more-encodings', ...STORED } : { why: 'unknown-encodings', expect: [415] },
  ],
  ['an unknown encoding', 'br2', gzipSync(BODY), { why: 'unknown-encodings', expect: [415] }],
];

const broken: Row[] = [
  ['no gzip', 'gzip', 'm 1\n'],
  ['nothing', 'gzip', ''],
  ['half a header', 'gzip', gzipSync(BODY).subarray(0, 5)],
];

export const ENCODINGS: Section = {
  title: 'A.9 encodings',
  cases: [
    ...read.map(
      ([name, encoding, body]): Case => ({
        name,
        requests: [put('/metrics/job/j', body, { 'Content-Encoding': encoding })],
        ...STORED,
      }),
    ),
    ...ignored.map(
      ([name, encoding, body, ours]): Case => ({
        name,
        requests: [put('/metrics/job/j', body, { 'Content-Encoding': encoding })],
        expect: [NOT_TEXT],
        scrape: [],
        ...(ours && { ours }),
      }),
    ),
    ...broken.map(
      ([name, encoding, body]): Case => ({
        name: `${name} as gzip`,
        requests: [put('/metrics/job/j', body, { 'Content-Encoding': encoding })],
        expect: [refused(/^(unexpected EOF|EOF|gzip: invalid header)$/m)],
        scrape: [],
      }),
    ),
    {
      name: 'gzip that is cut off',
      requests: [put('/metrics/job/j', gzipSync(BODY).subarray(0, -8), { 'Content-Encoding': 'gzip' })],
      expect: [200],
      scrape: stored(J),
      ours: { why: 'truncated-gzip', expect: [400], scrape: [] },
    },
    {
      name: 'plain text under an unknown encoding',
      requests: [put('/metrics/job/j', BODY, { 'Content-Encoding': 'br2' })],
      expect: [200],
      scrape: stored(J),
      ours: { why: 'unknown-encodings', expect: [415], scrape: [] },
    },
    {
      name: 'DELETE with a body that is no gzip',
      requests: [put('/metrics/job/j'), del('/metrics/job/j', 'x', { 'Content-Encoding': 'gzip' })],
      expect: [200, 400],
      scrape: stored(J),
      ours: { why: 'body-of-delete', expect: [200, 202], scrape: [] },
    },
    {
      name: 'GET that claims a body in gzip',
      requests: [get('/-/healthy', { 'Content-Encoding': 'gzip' })],
      expect: [400],
      ours: { why: 'body-of-delete', expect: [200] },
    },
  ],
};
