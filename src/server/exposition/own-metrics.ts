import { OwnFamily } from '../../redis/own-families.ts';

const COMMENT = /^# (HELP|TYPE) (\S+) (.*)$/;
const SAMPLE = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([^=,]+)="((?:[^"\\]|\\.)*)"/g;
const SUFFIX = /_(?:bucket|sum|count)$/;

/** The families of the gateway's own exposition, in text format as its registry writes it, with their lines as stored. */
export function ownFamilies(exposition: string): OwnFamily[] {
  const heads = new Map<string, { type: string; help: string | undefined; entries: Map<string, string> }>();
  let help: string | undefined;
  let name = '';
  for (const line of exposition.split('\n')) {
    const comment = COMMENT.exec(line);
    if (comment?.[1] === 'HELP') {
      help = comment[3];
    } else if (comment !== null) {
      name = comment[2];
      heads.set(name, { type: comment[3], help, entries: new Map() });
      help = undefined;
    }
    const head = heads.get(name);
    const sample = SAMPLE.exec(line);
    if (head === undefined || comment !== null || sample === null) continue;
    const { series, entry } = canonical(sample[1], sample[2] ?? '');
    const key = head.type === 'histogram' || head.type === 'summary' ? entry : series;
    head.entries.set(key, `${head.entries.get(key) ?? ''}${series} ${storedValue(sample[3])}\n`);
  }
  return [...heads].map(
    ([family, { type, help, entries }]) => new OwnFamily(family, type, help, [...entries.values()]),
  );
}

/** Labels in the order of stored lines, and what the lines of one histogram have in common. */
function canonical(sample: string, labels: string): { series: string; entry: string } {
  const all = [...labels.matchAll(LABEL)].map(([label, name]) => ({ label, name }));
  const isBound = ({ name }: { name: string }): boolean => name === 'le' || name === 'quantile';
  const own = all
    .filter((label) => !isBound(label))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ label }) => label);
  const whole = [...own, ...all.filter(isBound).map(({ label }) => label)].join();
  return {
    series: whole === '' ? sample : `${sample}{${whole}}`,
    entry: `${sample.replace(SUFFIX, '')}{${own.join()}}`,
  };
}

function storedValue(value: string): string {
  return value === 'Nan' ? 'NaN' : value;
}
