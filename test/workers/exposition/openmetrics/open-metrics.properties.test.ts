import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openMetricsToText } from '../../../../src/workers/exposition/openmetrics/open-metrics-to-text.ts';
import { TextParser } from '../../../../src/workers/exposition/text-parser.ts';
import { SeriesHash } from '../../../../src/workers/identity.ts';

type Labels = ReadonlyArray<readonly [name: string, value: string]>;

interface Metric {
  readonly labels: Labels;
  readonly value: number;
  readonly created: number | undefined;
  readonly exemplar: Labels | undefined;
  readonly timestampMs: number | undefined;
}

interface Family {
  readonly name: string;
  readonly type:
    | 'counter'
    | 'gauge'
    | 'histogram'
    | 'gaugehistogram'
    | 'summary'
    | 'info'
    | 'stateset'
    | 'unknown';
  readonly help: string;
  readonly metrics: readonly Metric[];
}

const name = fc.oneof(
  fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
);
const value = fc.oneof(
  fc.constantFrom('', 'x', '"', '\\', '\n', '\\n', ' ', '}'),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
);
const labels = fc
  .uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([name]) => name })
  .filter((all) => all.every(([name]) => !['le', 'quantile', '__name__'].includes(name)));

const metric: fc.Arbitrary<Metric> = fc.record({
  labels,
  value: fc.nat(1e6),
  created: fc
    .option(fc.integer({ min: 0, max: 2e9 * 8 }), { nil: undefined })
    .map((eighths) => eighths && eighths / 8),
  exemplar: fc.option(
    labels.filter((all) => all.flat().join('').length < 60),
    { nil: undefined },
  ),
  timestampMs: fc.option(fc.integer({ min: 0, max: 2e12 }), { nil: undefined }),
});

const family: fc.Arbitrary<Family> = fc.record({
  name: name.map((name) => `f${name}`),
  type: fc.constantFrom(
    'counter',
    'gauge',
    'histogram',
    'gaugehistogram',
    'summary',
    'info',
    'stateset',
    'unknown',
  ),
  help: value,
  metrics: fc.uniqueArray(metric, {
    minLength: 1,
    maxLength: 4,
    selector: ({ labels }) => JSON.stringify([...labels].filter(([, value]) => value !== '').sort()),
  }),
});

/** No name of one may be a name of the other. */
const families = fc
  .array(family, { minLength: 1, maxLength: 5 })
  .map((all) => all.map((family, i) => ({ ...family, name: `${family.name}x${i}` })));

const quote = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
const isClassic = (name: string): boolean => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
const shown = (name: string): string => (isClassic(name) ? name : quote(name));
const label = ([name, value]: readonly [string, string]): string => `${shown(name)}=${quote(value)}`;

function series(name: string, labels: Labels): string {
  const all = labels.map(label);
  if (!isClassic(name)) return `{${[quote(name), ...all].join(',')}}`;
  return all.length === 0 ? name : `${name}{${all.join(',')}}`;
}

interface Sample {
  readonly suffix: string;
  readonly textSuffix: string;
  readonly bound?: readonly [string, string];
  readonly value: number;
  readonly canHaveExemplar?: boolean;
  readonly hasCreated?: boolean;
}

function samplesOf(type: Family['type'], value: number): Sample[] {
  const both = (suffix: string, value: number, rest: Partial<Sample> = {}): Sample => ({
    suffix,
    textSuffix: suffix,
    value,
    ...rest,
  });
  const buckets = [
    both('_bucket', 1, { bound: ['le', '0.5'], canHaveExemplar: true }),
    both('_bucket', value + 1, { bound: ['le', '+Inf'], canHaveExemplar: true }),
  ];
  const totals = [both('_sum', value), both('_count', value + 1, { hasCreated: true })];
  switch (type) {
    case 'counter':
      return [both('_total', value, { canHaveExemplar: true, hasCreated: true })];
    case 'histogram':
      return [...buckets, ...totals];
    case 'gaugehistogram':
      return [
        ...buckets,
        both('_gsum', value, { textSuffix: '_sum' }),
        both('_gcount', value + 1, { textSuffix: '_count' }),
      ];
    case 'summary':
      return [both('', value, { bound: ['quantile', '0.5'] }), ...totals];
    case 'info':
      return [both('_info', 1)];
    case 'stateset':
      return [both('', 1)];
    default:
      return [both('', value)];
  }
}

/** A family in OpenMetrics, and as extended text. */
function render({ name, type, help, metrics }: Family): { body: string; text: string } {
  const suffix = type === 'counter' ? '_total' : type === 'info' ? '_info' : '';
  const textHelp = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  let body = `# TYPE ${shown(name)} ${type}\n# HELP ${shown(name)} ${quote(help).slice(1, -1)}\n`;
  let text = help === '' ? '' : `# HELP ${shown(name + suffix)} ${textHelp}\n`;
  text += `# TYPE ${shown(name + suffix)} ${type === 'unknown' ? 'untyped' : type}\n`;
  for (const metric of metrics) {
    const labels: Labels = type === 'stateset' ? [...metric.labels, [name, 'on']] : metric.labels;
    const inOrder = [...labels].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const created = metric.created !== undefined && ['counter', 'histogram', 'summary'].includes(type);
    const seconds = metric.timestampMs === undefined ? '' : ` ${metric.timestampMs / 1000}`;
    const ms = metric.timestampMs === undefined ? '' : ` ${metric.timestampMs}`;
    for (const { suffix, textSuffix, bound, value, canHaveExemplar, hasCreated } of samplesOf(
      type,
      metric.value,
    )) {
      const withBound = (labels: Labels): Labels => (bound === undefined ? labels : [...labels, bound]);
      const exemplar =
        canHaveExemplar && metric.exemplar ? ` # {${metric.exemplar.map(label).join(',')}} 0.5 12.5` : '';
      body += `${series(name + suffix, withBound(labels))} ${value}${seconds}${exemplar}\n`;
      const extra = created && hasCreated ? ` #c ${metric.created}` : '';
      text += `${series(name + textSuffix, withBound(inOrder))} ${value}${ms}${extra}${exemplar}\n`;
    }
    if (created) body += `${series(`${name}_created`, [...labels].reverse())} ${metric.created}\n`;
  }
  return { body, text };
}

test('whatever is said in OpenMetrics is in the text, and the parser takes it', () => {
  const parser = new TextParser(new SeriesHash(new Uint8Array(16)));
  fc.assert(
    fc.property(families, (families) => {
      const rendered = families.map(render);
      const body = Buffer.from(`${rendered.map(({ body }) => body).join('')}# EOF\n`);
      const { text, errors } = openMetricsToText(body, { strict: true });
      assert.deepEqual(errors, []);
      assert.equal(text.toString(), rendered.map(({ text }) => text).join(''));
      const parsed = parser.parse(text, {
        timestamps: 'honor',
        whole: true,
        declared: new Map(),
        extended: true,
      });
      assert.deepEqual(parsed.errors, []);
      const strict = parser.parse(text, {
        timestamps: 'honor',
        whole: true,
        declared: new Map(),
        extended: true,
        strict: true,
      });
      assert.equal(strict.problem?.kind === 'syntax' ? strict.problem.message : undefined, undefined);
    }),
    { numRuns: 300 },
  );
});

test('no bytes crash it, and the text that it makes of them the parser takes', () => {
  const parser = new TextParser(new SeriesHash(new Uint8Array(16)));
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(families, changes, (families, changes) => {
      const body = Buffer.from(`${families.map((family) => render(family).body).join('')}# EOF\n`);
      for (const [at, byte] of changes) body[at % body.length] = byte;
      const { text, lines, sourceLines } = openMetricsToText(body, { strict: false });
      assert.equal(lines?.length, text.toString('latin1').split('\n').length - 1);
      assert.ok(lines.every((line) => line >= 1 && line <= sourceLines));
      const { errors } = parser.parse(text, {
        timestamps: 'honor',
        whole: true,
        declared: new Map(),
        extended: true,
      });
      assert.deepEqual(
        errors.filter(({ message }) => !/__name__|before 1970/.test(message)),
        [],
      );
    }),
    { numRuns: 500 },
  );
});
