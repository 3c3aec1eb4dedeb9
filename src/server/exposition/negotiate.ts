import type { ExpositionWriter } from '../../redis/exposition-writer.ts';
import { ESCAPINGS, type Escaping } from './escaping.ts';
import { OpenMetricsWriter } from './open-metrics-writer.ts';
import { ProtobufWriter } from './protobuf-writer.ts';
import { TextWriter } from './text-writer.ts';

export interface Format {
  readonly contentType: string;
  /** For one exposition. */
  createWriter(): ExpositionWriter;
}

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

/**
 * The format that an Accept header asks for, chosen as expfmt of prometheus/common does it: the clauses in order of
 * their quality, and text 0.0.4 if there is none that we know. The escaping is that of the clause or of one before it.
 */
export function negotiate(accept: string | undefined): Format {
  let escaping: Escaping = 'underscores';
  for (const { type, parameters } of clausesOf(accept ?? '')) {
    const asked = parameters.get('escaping');
    if (asked !== undefined && ESCAPINGS.has(asked)) escaping = asked as Escaping;
    const version = parameters.get('version');
    switch (type) {
      case 'application/vnd.google.protobuf':
        if (parameters.get('proto') !== 'io.prometheus.client.MetricFamily') break;
        if (parameters.get('encoding') !== 'delimited') break;
        return formatOf(PROTOBUF, escaping, (names) => new ProtobufWriter(names));
      case 'application/openmetrics-text':
        if (version === '1.0.0') return openMetrics('1.0.0', escaping);
        if (version === '0.0.1' || version === undefined) return openMetrics('0.0.1', escaping);
        break;
      case 'text/plain':
        // What 1.0.0 has more are names in quotes.
        if (version === '1.0.0') return text(escaping === 'allow-utf-8' ? '1.0.0' : '0.0.4', escaping);
        if (version === '0.0.4' || version === undefined) return text('0.0.4', escaping);
        break;
      case '*/*':
      case 'text/*':
        return text('0.0.4', escaping);
    }
  }
  return text('0.0.4', escaping);
}

function text(version: string, escaping: Escaping): Format {
  return formatOf(
    `text/plain; version=${version}; charset=utf-8`,
    escaping,
    (names) => new TextWriter(names),
  );
}

function openMetrics(version: string, escaping: Escaping): Format {
  const type = `application/openmetrics-text; version=${version}; charset=utf-8`;
  return formatOf(type, escaping, (names) => new OpenMetricsWriter(names));
}

function formatOf(
  type: string,
  escaping: Escaping,
  create: (escaping: Escaping) => ExpositionWriter,
): Format {
  return { contentType: `${type}; escaping=${escaping}`, createWriter: () => create(escaping) };
}

/** Best first; of the same quality in their order, but the more general ones last. */
function clausesOf(accept: string): Clause[] {
  return accept
    .split(',')
    .map(clauseOf)
    .filter(({ type, quality }) => type !== '' && quality > 0)
    .sort((a, b) => b.quality - a.quality || stars(a.type) - stars(b.type));
}

function clauseOf(clause: string): Clause {
  const [type, ...rest] = clause.split(';').map((part) => part.trim());
  const parameters = new Map<string, string>();
  for (const parameter of rest) {
    const [name, value = ''] = parameter.split('=', 2);
    parameters.set(name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1'));
  }
  const quality = Number(parameters.get('q') ?? 1);
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 1 : quality };
}

function stars(type: string): number {
  return type.split('*').length;
}
