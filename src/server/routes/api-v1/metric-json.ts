import type { GroupFamily } from '../../../redis/group-store.ts';
import type { GroupingKey } from '../../../workers/messages.ts';
import { LABEL_STRIDE, StoredLine, unescapeText } from '../../exposition/stored-line.ts';
import { formatGoNumber } from '../../go-number.ts';
import { nativeBuckets } from './native-buckets.ts';

/** What the official API knows of types; those of OpenMetrics are shown as in the text format. */
const TYPES: Readonly<Record<string, string>> = {
  counter: 'COUNTER',
  gauge: 'GAUGE',
  info: 'GAUGE',
  stateset: 'GAUGE',
  histogram: 'HISTOGRAM',
  gaugehistogram: 'HISTOGRAM',
  summary: 'SUMMARY',
};

interface Sample {
  readonly name: string;
  readonly labels: GroupingKey;
  /** As it is stored. */
  readonly value: string;
  /** The native part of a histogram, on its count. */
  readonly native?: Buffer;
}

/** One family of a group in the shape of `GET /api/v1/metrics`, in pieces. */
export function* familyJson(family: GroupFamily): Generator<string> {
  const type = TYPES[family.type] ?? 'UNTYPED';
  const help = family.help ? `"help":${JSON.stringify(unescapeHelp(family.help))},` : '';
  yield `{"time_stamp":"${isoTime(family.timeS)}","type":"${type}",${help}"metrics":[`;
  const isInstance = type === 'HISTOGRAM' || type === 'SUMMARY';
  let separator = '';
  let instance: Sample[] = [];
  for (const { text } of family.pieces) {
    for (const sample of samples(text)) {
      instance.push(sample);
      if (isInstance && sample.name !== `${family.name}_count`) continue;
      // That was the last line of the instance.
      yield separator + (isInstance ? instanceJson(family.name, type, instance) : plainJson(sample));
      separator = ',';
      instance = [];
    }
  }
  yield ']}';
}

function* samples(text: Buffer): Generator<Sample> {
  const line = new StoredLine();
  for (let at = 0; at < text.length; ) {
    at = line.scan(text, at);
    const labels: Array<readonly [string, string]> = [];
    for (let i = 0; i < line.labelCount * LABEL_STRIDE; i += LABEL_STRIDE) {
      const [nameStart, nameEnd, valueStart, valueEnd] = line.labels.slice(i, i + LABEL_STRIDE) as [
        number,
        number,
        number,
        number,
      ];
      labels.push([unescapeText(text, nameStart, nameEnd), unescapeText(text, valueStart, valueEnd)]);
    }
    yield {
      name: unescapeText(text, line.nameStart, line.nameEnd),
      labels,
      value: text.toString('latin1', line.valueStart, line.valueEnd),
      ...(line.nativeStart >= 0 && {
        native: Buffer.from(text.toString('latin1', line.nativeStart, line.nativeEnd), 'base64'),
      }),
    };
  }
}

function plainJson({ labels, value }: Sample): string {
  return `{"labels":${labelsJson(labels)},"value":${numberJson(value)}}`;
}

function instanceJson(name: string, type: string, lines: readonly Sample[]): string {
  const key = type === 'HISTOGRAM' ? 'buckets' : 'quantiles';
  const values: string[] = [];
  let sum = '0';
  for (const line of lines.slice(0, -1)) {
    if (line.name === `${name}_sum`) sum = line.value;
    // `le` and `quantile` come last.
    else values.push(`${JSON.stringify(line.labels.at(-1)?.[1])}:${numberJson(line.value)}`);
  }
  const { labels, value: count, native } = lines.at(-1) as Sample;
  const shown = native === undefined ? `{${values.join(',')}}` : nativeJson(native);
  return `{"labels":${labelsJson(labels)},"${key}":${shown},"count":${numberJson(count)},"sum":${numberJson(sum)}}`;
}

/** As in the official gateway, which shows of a histogram the native buckets if there are any. */
function nativeJson(native: Buffer): string {
  const buckets = nativeBuckets(native).map(({ boundaries, lower, upper, count }) => {
    const [from, to, number] = [lower, upper, count].map(formatGoNumber);
    return `[${boundaries},"${from}","${to}","${number}"]`;
  });
  return `[${buckets.join(',')}]`;
}

export function labelsJson(labels: GroupingKey): string {
  const pairs = labels.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{${pairs.join(',')}}`;
}

/** Numbers are strings, as Go writes them. */
function numberJson(text: string): string {
  // Stored as it was sent: `Inf`, `+inf`, `infinity`.
  const infinite = /^([+-]?)inf/i.exec(text);
  const value = infinite === null ? Number(text) : Number(`${infinite[1]}Infinity`);
  return `"${formatGoNumber(value)}"`;
}

/** RFC 3339, to the microsecond. */
export function isoTime(seconds: number): string {
  const micros = Math.round(seconds * 1e6);
  const iso = new Date(Math.floor(micros / 1e6) * 1000).toISOString();
  return iso.replace('.000Z', `.${String(micros % 1_000_000).padStart(6, '0')}Z`);
}

function unescapeHelp(help: string): string {
  return help.replace(/\\([\\n])/g, (_, c: string) => (c === 'n' ? '\n' : '\\'));
}
