import fc from 'fast-check';
import { FEATURE_EXTRAS, FEATURE_QUOTED_NAMES, FEATURE_TIMESTAMPS } from '../../../src/redis/block.ts';
import type { Family } from './written.ts';

export interface Exemplar {
  readonly labels: Labels;
  readonly value: number;
  readonly timestamp: number | undefined;
}

export type Labels = ReadonlyArray<readonly [name: string, value: string]>;

/** A series, or an instance of a histogram or summary. */
export interface Entry {
  readonly labels: Labels;
  readonly value: number;
  /** Bound and value of buckets or quantiles, ascending. */
  readonly bounds: ReadonlyArray<readonly [bound: number, value: number]>;
  readonly sum: number;
  readonly exemplar: Exemplar | undefined;
  readonly created: number | undefined;
  readonly timestampMs: number | undefined;
}

export interface ModelFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string | undefined;
  readonly unit: string | undefined;
  readonly entries: readonly Entry[];
}

const NAME_TAILS: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_seconds_total', '', '.x_total'],
  info: ['_info', ''],
};
const LABEL_NAMES = ['B', '_a', 'c.d', 'job', 'é'];
const content = fc.string({
  unit: fc.constantFrom('a', 'B', '0', ' ', '"', '\\', '\n', '{', '}', ',', '=', '#', 'é', '花', '😱'),
  maxLength: 8,
});
const labels: fc.Arbitrary<Labels> = fc
  .dictionary(fc.constantFrom(...LABEL_NAMES), content, { maxKeys: 4 })
  .map((all) => Object.entries(all).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
const number = fc.oneof(fc.nat(100), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }));
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
const seconds = fc.nat(2_000_000_000_000).map((milliseconds) => milliseconds / 1000);
// Python's parser, which reads them in one of the tests, trips over these in exemplars.
const exemplarLabels = labels.map((all) =>
  all.map(([name, value]) => [name, value.replace(/[{}#]/g, '.')] as const),
);
const exemplar: fc.Arbitrary<Exemplar> = fc.record({
  labels: exemplarLabels,
  value: number,
  timestamp: optional(seconds),
});

function boundsOf(type: string): fc.Arbitrary<Entry['bounds']> {
  if (type === 'summary') {
    return fc
      .uniqueArray(fc.constantFrom(0, 0.5, 0.9, 0.999, 1), { maxLength: 4 })
      .chain((bounds) => fc.tuple(...bounds.sort().map((bound) => fc.tuple(fc.constant(bound), number))));
  }
  if (!type.endsWith('histogram')) return fc.constant([]);
  return fc
    .uniqueArray(fc.constantFrom(0.005, 0.5, 1, 2, 10, 100_000, 1e6, 1e-7), { maxLength: 5 })
    .chain((bounds) =>
      fc.array(fc.nat(5), { minLength: bounds.length + 1, maxLength: bounds.length + 1 }).map((steps) => {
        let count = 0;
        const sorted = [...bounds.sort((a, b) => a - b), Number.POSITIVE_INFINITY];
        return sorted.map((bound, i) => {
          count += steps[i];
          return [bound, count] as const;
        });
      }),
    );
}

function entriesOf(type: string): fc.Arbitrary<Entry[]> {
  const canHave = <T>(types: string[], what: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    types.includes(type) ? optional(what) : fc.constant(undefined);
  const entry = fc.record({
    labels,
    value: type === 'info' ? fc.constant(1) : type === 'summary' ? fc.nat() : number,
    bounds: boundsOf(type),
    sum: number,
    exemplar: canHave(['counter', 'histogram', 'gaugehistogram'], exemplar),
    created: canHave(['counter', 'histogram', 'summary'], seconds),
    timestampMs: type === 'info' ? fc.constant(undefined) : optional(fc.nat(2_000_000_000_000)),
  });
  return fc.uniqueArray(entry, { minLength: 1, maxLength: 4, selector: (e) => JSON.stringify(e.labels) });
}

const TYPES = ['counter', 'gauge', 'untyped', 'histogram', 'summary', 'gaugehistogram', 'info'];

/** Families whose names do not clash, also when they are escaped with underscores. */
export const storedFamilies: fc.Arbitrary<ModelFamily[]> = fc
  .array(fc.constantFrom(...TYPES), { maxLength: 5 })
  .chain((types) =>
    fc.tuple(
      ...types.map((type, i) =>
        fc.record({
          name: fc
            .constantFrom(...(NAME_TAILS[type] ?? ['', '_seconds', '.y']))
            .map((tail) => `f${i}${tail}`),
          type: fc.constant(type),
          help: optional(content.map((text) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n'))),
          unit: optional(fc.constant('seconds')),
          entries: entriesOf(type),
        }),
      ),
    ),
  );

export function stored({ name, type, help, unit, entries }: ModelFamily): Family {
  const lines = entries.flatMap((entry) => entryLines(name, type, entry));
  const features =
    (entries.some((e) => (e.exemplar ?? e.created) !== undefined) ? FEATURE_EXTRAS : 0) |
    (entries.some((e) => e.timestampMs !== undefined) ? FEATURE_TIMESTAMPS : 0) |
    (!isClassic(name) || entries.some((e) => e.labels.some(([label]) => !isClassic(label)))
      ? FEATURE_QUOTED_NAMES
      : 0);
  return {
    name,
    type,
    lines: lines.join(''),
    features,
    ...(help !== undefined && { help }),
    ...(unit !== undefined && { unit }),
  };
}

function entryLines(name: string, type: string, entry: Entry): string[] {
  const { labels: own, value, bounds, sum, exemplar: example, created, timestampMs } = entry;
  const time = timestampMs === undefined ? '' : ` ${timestampMs}`;
  const c = created === undefined ? '' : ` #c ${created}`;
  const e = example === undefined ? '' : exemplarText(example);
  if (!type.endsWith('histogram') && type !== 'summary')
    return [`${series(name, own)} ${value}${time}${c}${e}\n`];
  const [suffix, label] = type === 'summary' ? ['', 'quantile'] : ['_bucket', 'le'];
  const count = bounds.at(-1)?.[1] ?? value;
  return [
    ...bounds.map(([bound, n], i) => {
      const all = [...own, [label, goFloat(bound)] as const];
      return `${series(name + suffix, all)} ${n}${time}${i === 0 ? e : ''}\n`;
    }),
    `${series(`${name}_sum`, own)} ${sum}${time}\n`,
    `${series(`${name}_count`, own)} ${type === 'summary' ? value : count}${time}${c}\n`,
  ];
}

function exemplarText({ labels: own, value, timestamp }: Exemplar): string {
  return ` # {${own.map(labelText).join()}} ${value}${timestamp === undefined ? '' : ` ${timestamp}`}`;
}

function series(name: string, own: Labels): string {
  if (!isClassic(name)) return `{${[quoted(name), ...own.map(labelText)].join()}}`;
  return own.length === 0 ? name : `${name}{${own.map(labelText).join()}}`;
}

function labelText([name, value]: readonly [string, string]): string {
  return `${isClassic(name) ? name : quoted(name)}=${quoted(value)}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

function isClassic(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
}

function goFloat(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value >= 1e6 || (value > 0 && value < 1e-4)
    ? value.toExponential().replace(/([+-])(\d)$/, '$10$2')
    : `${value}`;
}
