import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type Sample = [
  name: string,
  labels: Record<string, string>,
  value: number,
  timestamp: number | null,
  exemplar: [Record<string, string>, number, number | null] | null,
];
export type Parsed = [name: string, type: string, help: string, unit: string, samples: Sample[]];

const PARSER = fileURLToPath(new URL('open-metrics-parser.py', import.meta.url));

/** What prometheus_client for Python reads in each of the expositions, or what is wrong with it. */
export function parseOpenMetrics(expositions: readonly string[]): Array<Parsed[] | string> {
  // With NaN and infinities, which JSON does not have, as Python writes them.
  const output = execFileSync('/usr/bin/python3', [PARSER], {
    input: JSON.stringify(expositions),
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(output.toString().replace(/(?<=[[ ])(?:NaN|-?Infinity)(?=[,\]])/g, 'null'));
}
