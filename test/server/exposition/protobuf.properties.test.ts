import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeLabelName, escapeMetricName } from '../../../src/server/exposition/escaping.ts';
import { ProtobufWriter } from '../../../src/server/exposition/protobuf-writer.ts';
import { type Message, messagesOf } from './metrics-proto.ts';
import {
  type Entry,
  type Exemplar,
  type Labels,
  type ModelFamily,
  stored,
  storedFamilies,
} from './stored-families.ts';
import { bytesOf } from './written.ts';

const TYPES: Readonly<Record<string, string>> = { gaugehistogram: 'HISTOGRAM', info: 'GAUGE' };

function expected({ name, type, help, unit, entries }: ModelFamily): Message {
  return {
    name: escapeMetricName(name, 'underscores'),
    ...(help && { help: help.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)) }),
    type: TYPES[type] ?? type.toUpperCase(),
    ...(unit && { unit }),
    metric: entries.map((entry) => metricOf(type, entry)),
  };
}

function metricOf(type: string, entry: Entry): Message {
  const { value, bounds, sum, exemplar, created, timestampMs } = entry;
  const common = {
    ...labelPairs(entry.labels),
    ...(timestampMs !== undefined && { timestamp_ms: timestampMs }),
  };
  const createdTime = created === undefined ? {} : { created_timestamp: time(created) };
  if (type === 'summary') {
    const quantile = bounds.map(([bound, n]) => ({ quantile: bound, value: n }));
    const summary = {
      sample_count: value,
      sample_sum: sum,
      ...(quantile.length > 0 && { quantile }),
    };
    return { ...common, summary: { ...summary, ...createdTime } };
  }
  if (type.endsWith('histogram')) {
    const count = bounds.at(-1)?.[1];
    // The bucket of everything is left out unless it has the exemplar, which the first one has.
    const shown = bounds.length === 1 && exemplar !== undefined ? bounds : bounds.slice(0, -1);
    const bucket = shown.map(([bound, n], i) => ({
      cumulative_count: n,
      upper_bound: bound,
      ...(i === 0 && exemplar !== undefined && { exemplar: exemplarOf(exemplar) }),
    }));
    const histogram = { sample_count: count, sample_sum: sum, ...(bucket.length > 0 && { bucket }) };
    return { ...common, histogram: { ...histogram, ...createdTime } };
  }
  const field = type === 'info' ? 'gauge' : type;
  const example = exemplar === undefined ? {} : { exemplar: exemplarOf(exemplar) };
  return { ...common, [field]: { value, ...example, ...createdTime } };
}

function exemplarOf({ labels, value, timestamp }: Exemplar): Message {
  return { ...labelPairs(labels), value, ...(timestamp !== undefined && { timestamp: time(timestamp) }) };
}

function labelPairs(labels: Labels): Message {
  if (labels.length === 0) return {};
  return { label: labels.map(([name, value]) => ({ name: escapeLabelName(name, 'underscores'), value })) };
}

function time(seconds: number): Message {
  const milliseconds = Math.round(seconds * 1000);
  const [whole, nanos] = [Math.floor(milliseconds / 1000), (milliseconds % 1000) * 1e6];
  return { ...(whole !== 0 && { seconds: whole }), ...(nanos !== 0 && { nanos }) };
}

test('what is written is what the messages hold', () => {
  fc.assert(
    fc.property(storedFamilies, (families) => {
      const messages = messagesOf(bytesOf(new ProtobufWriter('underscores'), families.map(stored)));
      assert.deepEqual(messages, families.map(expected));
    }),
    { numRuns: 500 },
  );
});
