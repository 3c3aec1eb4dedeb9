import { judge, type Line, timesBetter, timesFloor } from './row.ts';

export interface Measured {
  readonly row: string;
  readonly lines: readonly Line[];
}

const HEAD = ['row', 'what', 'ours', 'official', 'times better', 'floor', 'of floor', 'goal', 'met', 'note'];
const RIGHT = new Set([2, 3, 4, 5, 6]);

/** The table in Markdown, its columns aligned for readers without it. */
export function renderTable(measured: readonly Measured[]): string {
  const rows = measured.flatMap(({ row, lines }) =>
    lines.map((line, index) => cells(index === 0 ? row : '', line)),
  );
  const widths = HEAD.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column].length)));
  const render = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (RIGHT.has(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`;
  const rule = widths.map(
    (width, i) => '-'.repeat(RIGHT.has(i) ? width - 1 : width) + (RIGHT.has(i) ? ':' : ''),
  );
  return [render(HEAD), render(rule), ...rows.map(render)].join('\n');
}

function cells(row: string, line: Line): string[] {
  const verdicts = judge(line);
  const figure = (value: number | undefined): string =>
    value === undefined ? '' : `${threeDigits(value)} ${line.unit}`;
  const times = (value: number | undefined): string => (value === undefined ? '' : `${threeDigits(value)} ×`);
  return [
    row,
    line.what,
    figure(line.ours),
    figure(line.official),
    times(timesBetter(line)),
    figure(line.floor),
    times(timesFloor(line)),
    verdicts.map(({ goal }) => goal).join('; '),
    verdicts.map(({ met }) => (met ? 'yes' : 'NO')).join('; '),
    line.note ?? '',
  ];
}

/** What was measured is not known to more digits. */
function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toLocaleString('en-US', {
    minimumFractionDigits: Math.min(3, Math.max(0, 2 - magnitude)),
    maximumFractionDigits: Math.min(3, Math.max(0, 2 - magnitude)),
  });
}
