import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { protobufToText } from '../../../../src/workers/exposition/protobuf/protobuf-to-text.ts';
import { TextParser } from '../../../../src/workers/exposition/text-parser.ts';
import { SeriesHash } from '../../../../src/workers/identity.ts';
import {
  delimited,
  type ExemplarModel,
  type FamilyModel,
  type MetricModel,
  MetricType,
} from '../../../support/metric-family.ts';

const name = fc.oneof(
  fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
);
const value = fc.oneof(
  fc.constantFrom('', '"', '\\', '\n', '\\n', ' }'),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
);
const labels = fc
  .dictionary(name, value, { maxKeys: 4 })
  .filter((all) => !['le', 'quantile', '__name__'].some((name) => name in all));
const double = fc.double();
const created = fc.option(fc.record({ seconds: fc.nat(2e9), nanos: fc.nat(999_999_999) }), {
  nil: undefined,
});
const exemplar: fc.Arbitrary<ExemplarModel | undefined> = fc.option(
  fc.record({ labels, value: double, timestamp: fc.record({ seconds: fc.nat(2e9) }) }),
  { nil: undefined },
);
const buckets = fc.uniqueArray(fc.record({ le: fc.double({ noNaN: true }), count: fc.nat(), exemplar }), {
  maxLength: 4,
  selector: ({ le }) => String(le),
});

const VALUES: ReadonlyArray<readonly [type: number, value: fc.Arbitrary<MetricModel>]> = [
  [MetricType.COUNTER, fc.record({ counter: fc.record({ value: double, exemplar, created }) })],
  [MetricType.GAUGE, fc.record({ gauge: double })],
  [MetricType.UNTYPED, fc.record({ untyped: double })],
  [
    MetricType.SUMMARY,
    fc.record({
      summary: fc.record({
        count: fc.nat(),
        sum: double,
        quantiles: fc.constant([[0.5, 1] as const]),
        created,
      }),
    }),
  ],
  [
    MetricType.HISTOGRAM,
    fc.record({ histogram: fc.record({ count: fc.nat(), sum: double, buckets, created }) }),
  ],
  [
    MetricType.GAUGE_HISTOGRAM,
    fc.record({
      histogram: fc.record({ countFloat: fc.double({ min: 0.5, noNaN: true }), sum: double, buckets }),
    }),
  ],
] as Array<[number, fc.Arbitrary<MetricModel>]>;

const family: fc.Arbitrary<FamilyModel> = fc.constantFrom(...VALUES).chain(([type, values]) =>
  fc.record({
    name,
    help: value,
    type: fc.constant(type),
    metrics: fc.uniqueArray(
      fc
        .tuple(labels, values, fc.option(fc.nat(2e9), { nil: undefined }))
        .map(([labels, value, timestampMs]) => ({
          labels,
          ...value,
          ...(timestampMs !== undefined && { timestampMs }),
        })),
      {
        minLength: 1,
        maxLength: 4,
        selector: ({ labels }) =>
          JSON.stringify(
            Object.entries(labels)
              .filter(([, value]) => value !== '')
              .sort(),
          ),
      },
    ),
  }),
);

const families = fc
  .array(family, { minLength: 1, maxLength: 4 })
  .map((all) => all.map((family, i) => ({ ...family, name: `f${family.name}x${i}` })));

const OPTIONS = { timestamps: 'honor', whole: true, declared: new Map(), extended: true } as const;

test('whatever is said in protobuf the parser takes, each metric as an entry', () => {
  const parser = new TextParser(new SeriesHash(new Uint8Array(16)));
  fc.assert(
    fc.property(families, (families) => {
      const { text, errors } = protobufToText(delimited(...families), { strict: true });
      assert.deepEqual(errors, []);
      const parsed = parser.parse(text, OPTIONS);
      assert.deepEqual(parsed.errors, []);
      assert.deepEqual(
        parsed.families.map(({ name, entries }) => [name, entries]),
        families.map(({ name, metrics }) => [name, metrics?.length]),
      );
    }),
    { numRuns: 300 },
  );
});

test('no bytes crash it, and the text that it makes of them the parser takes', () => {
  const parser = new TextParser(new SeriesHash(new Uint8Array(16)));
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(families, changes, (families, changes) => {
      const body = delimited(...families);
      for (const [at, byte] of changes) body[at % body.length] = byte;
      const { text, lines, sourceLines } = protobufToText(body, { strict: false });
      assert.equal(lines?.length, text.toString('latin1').split('\n').length - 1);
      assert.ok(lines.every((line) => line >= 1 && line <= sourceLines));
      // What is well-formed, and nevertheless refused.
      const inconsistent = /label|timestamp|one (type|help)|quantile|twice/i;
      const { errors } = parser.parse(text, OPTIONS);
      assert.deepEqual(
        errors.filter(({ message }) => !inconsistent.test(message)),
        [],
      );
    }),
    { numRuns: 500 },
  );
});
