const ZONES = ['eu-central-1a', 'eu-central-1b', 'us-east-1c', 'us-west-2a'];
const METHODS = ['GET', 'PUT', 'POST', 'HEAD'];

export function familyName(family: number): string {
  return `bench_worker_items_${digits(family, 6)}`;
}

/** HELP and TYPE of a family. */
export function familyHead(family: number): string {
  const name = familyName(family);
  const type = family % 2 === 0 ? 'gauge' : 'counter';
  return `# HELP ${name} Items that the workers of this family have seen.\n# TYPE ${name} ${type}\n`;
}

/**
 * The line of a series, of 139 bytes more or less. Its labels are in order, as client libraries write them. `source` is
 * whoever pushes it; together with the number within the family it tells one series from another.
 */
export function seriesLine(family: number, series: number, source: string, value: string): string {
  const zone = ZONES[series % ZONES.length];
  const method = METHODS[(series >>> 2) % METHODS.length];
  const path = digits(series, 7);
  return `${familyName(family)}{instance="worker-${source}.example.org",method="${method}",path="/api/v1/items/${path}",zone="${zone}"} ${value}\n`;
}

/** As programs count: mostly whole numbers, some with a fraction. */
export function sampleValue(random: number): string {
  const value = Math.floor(random * 1e8);
  return value % 4 === 0 ? (value / 1000).toFixed(3) : String(value);
}

export function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
