import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeLabelName, escapeMetricName } from '../../../src/server/exposition/escaping.ts';
import { OpenMetricsWriter } from '../../../src/server/exposition/open-metrics-writer.ts';
import { type Parsed, parseOpenMetrics, type Sample } from './open-metrics-parser.ts';
import { type Entry, type Labels, type ModelFamily, stored, storedFamilies } from './stored-families.ts';
import { written } from './written.ts';

const RUNS = 300;

function expected({ name, type, help, unit, entries }: ModelFamily): Parsed {
  const shown = escapeMetricName(name, 'underscores');
  const suffix = type === 'counter' ? '_total' : type === 'info' ? '_info' : '';
  const isSuffixed = suffix !== '' && shown.endsWith(suffix);
  const metric = isSuffixed ? shown.slice(0, -suffix.length) : shown;
  const openType = { counter: 'unknown', info: 'gauge', untyped: 'unknown' }[type];
  const shownType = isSuffixed || openType === undefined ? type : openType;
  const shownUnit = unit !== undefined && metric.endsWith(`_${unit}`) && type !== 'info' ? unit : '';
  const samples = entries.flatMap((entry) => samplesOf(shown, metric, shownType, entry));
  const text = (help ?? '').replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  return [metric, shownType, text, shownUnit, samples];
}

function samplesOf(shown: string, metric: string, type: string, entry: Entry): Sample[] {
  const { value, bounds, sum, exemplar, created, timestampMs } = entry;
  const labels = record(entry.labels);
  const time = timestampMs === undefined ? null : timestampMs / 1000;
  const example: Sample[4] =
    exemplar === undefined ? null : [record(exemplar.labels), exemplar.value, exemplar.timestamp ?? null];
  const samples: Sample[] = [];
  const prefix = type === 'gaugehistogram' ? '_g' : '_';
  if (type === 'summary' || type.endsWith('histogram')) {
    for (const [i, [bound, n]] of bounds.entries()) {
      const [suffix, name] = type === 'summary' ? ['', 'quantile'] : ['_bucket', 'le'];
      samples.push([
        shown + suffix,
        { ...labels, [name]: floatText(bound) },
        n,
        time,
        i === 0 ? example : null,
      ]);
    }
    const count = type === 'summary' ? value : (bounds.at(-1)?.[1] as number);
    samples.push([`${shown}${prefix}sum`, labels, sum, time, null]);
    samples.push([`${shown}${prefix}count`, labels, count, time, null]);
  } else {
    samples.push([shown, labels, value, time, type === 'counter' ? example : null]);
  }
  if (created !== undefined && ['counter', 'histogram', 'summary'].includes(type))
    samples.push([`${metric}_created`, labels, created, time, null]);
  return samples;
}

function record(labels: Labels): Record<string, string> {
  return Object.fromEntries(labels.map(([name, value]) => [escapeLabelName(name, 'underscores'), value]));
}

function floatText(bound: number): string {
  if (bound === Number.POSITIVE_INFINITY) return '+Inf';
  if (bound === 1e6) return '1e+06';
  if (bound === 1e-7) return '1e-07';
  return Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
}

test('what is written is what the reference parser of OpenMetrics reads', () => {
  const seed = Date.now() & 0x7fffffff;
  const cases = fc.sample(storedFamilies, { numRuns: RUNS, seed });
  const expositions = cases.map((families) =>
    written(new OpenMetricsWriter('underscores'), families.map(stored)),
  );
  for (const [i, parsed] of parseOpenMetrics(expositions).entries())
    assert.deepEqual(parsed, cases[i].map(expected), `seed ${seed}:\n${expositions[i]}`);
});

test('lines that are looked at one by one come out like those that are not', () => {
  fc.assert(
    fc.property(storedFamilies, (families) => {
      const all = families.map(stored);
      const slow = all.map((family) => ({ ...family, features: 0xff }));
      const create = (): OpenMetricsWriter => new OpenMetricsWriter('underscores');
      assert.equal(written(create(), all), written(create(), slow));
    }),
    { numRuns: RUNS },
  );
});
