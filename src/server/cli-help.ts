import { CONFIG_FILE_ENV } from '../../config/given.ts';
import { type Flag, flags, flagTerm } from './cli-flags.ts';

export const PROGRAM = 'pushgateway';
export const SUMMARY = 'The Prometheus Redis Pushgateway';

/** Terms from this length on stand on a line of their own and do not widen the first column. */
const LONG_TERM = 30;
const INDENT = 2;
const PADDING = 2;
const MIN_TEXT_WIDTH = 20;

/** What --help shows: the usual flags, in kingpin's layout, as the original does. */
export function helpText(width: number): string {
  const rows = flags.filter(({ usual }) => usual).map((flag) => [term(flag), flag.doc] as const);
  return page(rows, [], width);
}

/** What --help-long shows: every flag with its key and its variable. */
export function longHelpText(width: number): string {
  const rows = flags.map((flag) => [term(flag), `${flag.doc}${details(flag)}`] as const);
  return page(rows, FOOTNOTES, width);
}

const FOOTNOTES = [
  'In brackets: the key in the configuration file and the environment variable.',
  'A flag overrides the variable, that the configuration file, that the default. An empty variable counts as not set. ' +
    'Keys with a dot are nested in the file: redis.timeout is timeout under redis.',
  'Durations are written as in Go (300ms, 5m, 1h30m), sizes as 4096, 512KiB or 64MiB.',
];

function page(rows: readonly (readonly [string, string])[], notes: readonly string[], width: number): string {
  const sections = [
    `usage: ${PROGRAM} [<flags>]`,
    SUMMARY,
    `Flags:\n${twoColumns(rows, width).join('\n')}`,
    ...notes.map((note) => wrap(note, width).join('\n')),
  ];
  return `${sections.join('\n\n')}\n`;
}

function term(flag: Flag): string {
  return `${flag.short === undefined ? '    ' : `-${flag.short}, `}${flagTerm(flag)}`;
}

/** Further lines of the description. */
function details({ name, setting, kind }: Flag): string {
  if (name === 'config.file') {
    return `\n[${CONFIG_FILE_ENV}]`;
  }
  if (setting === undefined) {
    return '';
  }
  const fallback = kind === 'boolean' ? `\n[default: ${setting.default}]` : '';
  return `${fallback}\n[${setting.key}]\n[${setting.env}]`;
}

function twoColumns(rows: readonly (readonly [string, string])[], width: number): string[] {
  const first = Math.max(...rows.map(([left]) => left.length).filter((length) => length < LONG_TERM));
  const margin = ' '.repeat(INDENT + first + PADDING);
  const textWidth = Math.max(width - margin.length, MIN_TEXT_WIDTH);
  return rows.flatMap(([left, right]) => {
    const indented = ' '.repeat(INDENT) + left;
    const [head = '', ...rest] = wrap(right, textWidth);
    const start =
      left.length < LONG_TERM ? [indented.padEnd(margin.length) + head] : [indented, margin + head];
    return [...start, ...rest.map((line) => margin + line)];
  });
}

/** Breaks between words; a word longer than the width stays whole. */
function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    return [...lines, line];
  });
}
