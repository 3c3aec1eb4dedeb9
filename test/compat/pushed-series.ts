import assert from 'node:assert/strict';

/** Of the gateway itself, not pushed. */
const OWN = /^(go_|process_|pushgateway_|promhttp_)/;
const PUSH_TIMES = /^push_(failure_|expiry_)?time_seconds$/;
const LINE = /^([^{ ]*)(\{.*\})? (\S+)$/;

export interface Scrape {
  /** `name{labels}` to value. */
  readonly series: ReadonlyMap<string, number>;
  readonly comments: ReadonlySet<string>;
  /** Labels of a group to its push times. */
  readonly groups: ReadonlyMap<string, PushTimes>;
}

interface PushTimes {
  pushed?: number;
  failed?: number;
}

/** What of an exposition in the text format was pushed. Fails if a series comes twice. */
export function pushedSeries(exposition: string): Scrape {
  const series = new Map<string, number>();
  const comments = new Set<string>();
  const groups = new Map<string, PushTimes>();
  for (const line of exposition.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      comments.add(line);
      continue;
    }
    const [, name, labels = '', value] = LINE.exec(line) ?? assert.fail(`not a sample: ${line}`);
    if (OWN.test(name)) continue;
    if (!PUSH_TIMES.test(name)) {
      assert.ok(!series.has(name + labels), `${name}${labels} comes twice`);
      series.set(name + labels, numberOf(value));
      continue;
    }
    const times = groups.get(labels) ?? {};
    groups.set(labels, times);
    const field = name === 'push_time_seconds' ? 'pushed' : 'failed';
    if (name === 'push_expiry_time_seconds') continue;
    assert.equal(times[field], undefined, `${name}${labels} comes twice`);
    times[field] = numberOf(value);
  }
  return { series, comments, groups };
}

/** Compares with lines as a `Case` has them. `since` and now bound the times that are not 0, in seconds. */
export function assertScrape(exposition: string, expected: readonly string[], since: number): void {
  const shown = pushedSeries(exposition);
  const isComment = (line: string): boolean => line.startsWith('# ');
  const isGroup = (line: string): boolean => line.startsWith('group {');
  for (const line of expected.filter(isComment)) {
    assert.ok(shown.comments.has(line), `${line} is missing in:\n${[...shown.comments].join('\n')}`);
  }
  const series = expected.filter((line) => !isComment(line) && !isGroup(line));
  assert.deepEqual(
    [...shown.series].map(([name, value]) => `${name} ${value}`).sort(),
    series
      .map((line) => LINE.exec(line) as RegExpExecArray)
      .map(([, n, l = '', v]) => `${n}${l} ${numberOf(v)}`)
      .sort(),
  );
  const groups = expected.filter(isGroup);
  if (groups.length === 0 && expected.length > 0) return;
  assert.deepEqual(
    [...shown.groups].map(([labels, times]) => `group ${labels} ${stateOf(times, since)}`).sort(),
    [...groups].sort(),
  );
}

function stateOf({ pushed, failed }: PushTimes, since: number): string {
  const isRecent = (time: number): boolean => time >= since - 1 && time <= Date.now() / 1000 + 1;
  if (pushed === undefined || failed === undefined) return 'lacks a push time';
  if (pushed !== 0 && !isRecent(pushed)) return `was pushed at ${pushed}`;
  if (failed !== 0 && !isRecent(failed)) return `failed at ${failed}`;
  if (pushed === 0) return failed === 0 ? 'was never pushed' : 'refused';
  return failed === 0 ? 'ok' : 'failed';
}

function numberOf(text: string): number {
  if (text === 'NaN') return Number.NaN;
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return Number(text);
}
