import { isSetting, schema, settings } from './schema.ts';

const BEGIN = '<!-- config:begin -->';
const END = '<!-- config:end -->';
const COMMENT_WIDTH = 100;
const PREAMBLE = [
  '# Configuration of PushGatewayRedis: every key with its default. Made from config/schema.ts by',
  '# `npm run docs:config`.',
  '#',
  '# Use it with --config.file=FILE or PUSHGATEWAY_CONFIG_FILE=FILE, and keep only what you change.',
  '# Environment variables override the file, and flags override both. Durations are written as in Go',
  '# (300ms, 5m, 1h30m), sizes as 4096, 512KiB or 64MiB.',
];

/** The text of examples/pushgw.yml: every key with its default, explained. */
export function exampleFile(): string {
  return `${[...PREAMBLE, ...fileLines(schema, '')].join('\n')}\n`;
}

function fileLines(tree: object, margin: string): string[] {
  return Object.entries(tree).flatMap(([name, node]: [string, object], i) => {
    const gap = i > 0 || margin === '' ? [''] : [];
    return isSetting(node)
      ? [...gap, ...commentLines(node.doc, margin), `${margin}${name}: ${yamlScalar(node.default)}`]
      : [...gap, `${margin}${name}:`, ...fileLines(node, `${margin}  `)];
  });
}

/** The table of the README's chapter on configuration, in Markdown. */
export function configurationTable(): string {
  const rows = settings.map(({ key, flag, short, env, default: fallback, doc }) => [
    code(key),
    short === undefined ? code(`--${flag}`) : `${code(`-${short}`)}, ${code(`--${flag}`)}`,
    code(env),
    fallback === '' ? '' : code(fallback),
    doc.replaceAll('|', '\\|'),
  ]);
  const head = [
    ['Key', 'Flag', 'Variable', 'Default', 'Meaning'],
    ['---', '---', '---', '---', '---'],
  ];
  return [...head, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/**
 * The text with the table between its two marks brought up to date.
 *
 * @throws {Error} The marks are missing.
 */
export function withConfigurationTable(text: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) {
    throw new Error(`the lines ${BEGIN} and ${END} are missing`);
  }
  return `${text.slice(0, begin + BEGIN.length)}\n${configurationTable()}\n${text.slice(end)}`;
}

function commentLines(text: string, margin: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= COMMENT_WIDTH) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(`${margin}# ${word}`);
    }
  }
  return lines;
}

/** The text as one scalar of YAML, in quotes unless it is plainly a word or a path. */
function yamlScalar(text: string): string {
  return /^[\w./]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
}

function code(text: string): string {
  return `\`${text}\``;
}
