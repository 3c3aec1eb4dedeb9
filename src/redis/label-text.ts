/** Labels of a grouping key: name and value, sorted by name, each name once. */
export type Labels = ReadonlyArray<readonly [name: string, value: string]>;

const CLASSIC_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Labels as they stand between the braces of an exposition: `a="b",job="j"`. Names outside the alphabet are quoted. */
export function renderLabels(labels: Labels): string {
  return labels.map(([name, value]) => `${renderName(name)}="${escapeQuoted(value)}"`).join(',');
}

/** The labels of a stored line. */
export function labelsOfLine(line: string): Array<[name: string, value: string]> {
  // The name of the metric, before the brace, or in quotes after it.
  const name = /^(?:\{"(?:[^"\\]|\\.)*",?|[^{ ]*\{)/s.exec(line)?.[0];
  return name === undefined ? [] : parseLabels(line.slice(name.length));
}

/** The labels that a well-formed text without blanks begins with. */
export function parseLabels(text: string): Array<[name: string, value: string]> {
  const labels: Array<[string, string]> = [];
  const label = /(?:"((?:[^"\\]|\\.)*)"|([^="},]+))="((?:[^"\\]|\\.)*)"(?:,|$|(?=\}))/gsy;
  for (const [, quoted, name, value] of text.matchAll(label)) {
    labels.push([
      quoted === undefined ? (name as string) : unescapeText(quoted),
      unescapeText(value as string),
    ]);
  }
  return labels;
}

function renderName(name: string): string {
  return CLASSIC_NAME.test(name) ? name : `"${escapeQuoted(name)}"`;
}

/** A name, or a label value, as it stands between quotes. */
export function escapeQuoted(text: string): string {
  return /[\\"\n]/.test(text) ? text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`)) : text;
}

function unescapeText(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/gs, (_, c) => (c === 'n' ? '\n' : c)) : text;
}
