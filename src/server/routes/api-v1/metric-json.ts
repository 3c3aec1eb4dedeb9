import { formatGoNumber } from '../../go-number.ts';
import type { GroupFamily } from '../../group-store.ts';
import { readStoredLine, type StoredLine } from '../../stored-line.ts';

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

/** One family of a group in the shape of `GET /api/v1/metrics`, in pieces. */
export function* familyJson(family: GroupFamily): Generator<string> {
  const type = TYPES[family.type] ?? 'UNTYPED';
  const help = family.help ? `"help":${JSON.stringify(unescapeHelp(family.help))},` : '';
  yield `{"time_stamp":${JSON.stringify(isoTime(family.timeS))},"type":"${type}",${help}"metrics":[`;
  let separator = '';
  for (const metric of metricsOf(family, type)) {
    yield `${separator}${metric}`;
    separator = ',';
  }
  yield ']}';
}

function* metricsOf(family: GroupFamily, type: string): Generator<string> {
  const isInstance = type === 'HISTOGRAM' || type === 'SUMMARY';
  let lines: StoredLine[] = [];
  for (const { text } of family.pieces) {
    for (const line of text.toString().split('\n')) {
      if (line === '') continue;
      const stored = readStoredLine(line);
      if (!isInstance) {
        yield `{"labels":${labelsJson(stored.labels)},"value":${number(stored.value)}}`;
        continue;
      }
      lines.push(stored);
      // The last of an instance.
      if (stored.name !== `${family.name}_count`) continue;
      yield instanceJson(family.name, type, lines);
      lines = [];
    }
  }
}

function instanceJson(name: string, type: string, lines: readonly StoredLine[]): string {
  const [bound, key] = type === 'HISTOGRAM' ? ['le', 'buckets'] : ['quantile', 'quantiles'];
  const values: string[] = [];
  let sum = '0';
  let count: StoredLine | undefined;
  for (const line of lines) {
    if (line.name === `${name}_sum`) sum = line.value;
    else if (line.name === `${name}_count`) count = line;
    else values.push(`${JSON.stringify(line.labels.at(-1)?.[1] ?? '')}:${number(line.value)}`);
  }
  const labels = labelsJson((count?.labels ?? []).filter(([label]) => label !== bound));
  const total = number(count?.value ?? '0');
  return `{"labels":${labels},"${key}":{${values.join(',')}},"count":${total},"sum":${number(sum)}}`;
}

export function labelsJson(labels: StoredLine['labels']): string {
  const pairs = labels.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{${pairs.join(',')}}`;
}

/** Numbers are strings, as Go writes them. */
function number(text: string): string {
  return `"${formatGoNumber(parseValue(text))}"`;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
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
