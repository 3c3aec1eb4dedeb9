const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5, micro sign
  μs: 1e3, // U+03BC, Greek mu
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const NANOSECONDS_PER_MS = 1e6;

const DURATION = /^(?:(?:\d+\.?\d*|\.\d+)[a-zµμ]+)+$/;
const PART = /(\d+\.?\d*|\.\d+)([a-zµμ]+)/g;

/**
 * A duration as Go's time.ParseDuration reads it (`300ms`, `1h30m`, `1.5s`, `0`), in whole milliseconds. Rounded up,
 * so that a tiny duration does not turn into 0, which means "never" or "off". Undefined if it is none, or negative.
 */
export function parseDuration(text: string): number | undefined {
  const unsigned = text.replace(/^\+/, '');
  if (unsigned === '0') {
    return 0;
  }
  if (!DURATION.test(unsigned)) {
    return undefined;
  }
  let ns = 0;
  for (const [, amount, unit] of unsigned.matchAll(PART)) {
    const factor = Object.hasOwn(NANOSECONDS, unit as string) ? NANOSECONDS[unit as string] : undefined;
    if (factor === undefined) {
      return undefined;
    }
    ns += Number(amount) * (factor as number);
  }
  // toPrecision: 1.1h must not become one millisecond longer by the error of the multiplication.
  return Math.ceil(Number((ns / NANOSECONDS_PER_MS).toPrecision(15)));
}

/** Writes whole milliseconds as a duration that parseDuration reads back: `5m`, `1h30m`, `1s500ms`, `0`. */
export function formatDuration(ms: number): string {
  if (ms === 0) {
    return '0';
  }
  const parts = [
    [Math.floor(ms / 3_600_000), 'h'],
    [Math.floor(ms / 60_000) % 60, 'm'],
    [Math.floor(ms / 1000) % 60, 's'],
    [ms % 1000, 'ms'],
  ] as const;
  return parts.map(([amount, unit]) => (amount > 0 ? `${amount}${unit}` : '')).join('');
}
