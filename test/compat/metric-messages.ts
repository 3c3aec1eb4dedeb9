import type { Field } from './protobuf.ts';
import { zigzag } from './protobuf.ts';

/** Messages of io.prometheus.client, by their field numbers. */

export const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

export const COUNTER = 0n;
export const GAUGE = 1n;
export const SUMMARY = 2n;
export const UNTYPED = 3n;
export const HISTOGRAM = 4n;

type Labels = Readonly<Record<string, string>>;

export function family(name: string, type: bigint, ...metrics: ReadonlyArray<readonly Field[]>): Field[] {
  return [[1, name], [3, type], ...metrics.map((metric): Field => [4, metric])];
}

export function labels(values: Labels): Field[] {
  return Object.entries(values).map(
    ([name, value]): Field => [
      1,
      [
        [1, name],
        [2, value],
      ],
    ],
  );
}

export function gauge(value: number, names: Labels = {}): Field[] {
  return [...labels(names), [2, [[1, value]]]];
}

export function counter(value: number, names: Labels = {}, more: readonly Field[] = []): Field[] {
  return [...labels(names), [3, [[1, value], ...more]]];
}

export function untyped(value: number, names: Labels = {}): Field[] {
  return [...labels(names), [5, [[1, value]]]];
}

export function summary(
  count: number,
  sum: number,
  quantiles: ReadonlyArray<readonly [number, number]>,
): Field[] {
  return [
    [
      4,
      [
        [1, BigInt(count)],
        [2, sum],
        ...quantiles.map(
          ([q, v]): Field => [
            3,
            [
              [1, q],
              [2, v],
            ],
          ],
        ),
      ],
    ],
  ];
}

export function exemplar(value: number, names: Labels): Field[] {
  return [...labels(names), [2, value]];
}

export function histogram(count: number, sum: number, buckets: ReadonlyArray<readonly Field[]>): Field[] {
  return [[7, [[1, BigInt(count)], [2, sum], ...buckets.map((bucket): Field => [3, bucket])]]];
}

export function bucket(count: number, bound: number, more: readonly Field[] = []): Field[] {
  return [[1, BigInt(count)], [2, bound], ...more];
}

/** Six observations in schema 0: two of them zero, then one, two and one in the buckets up to 1, 2 and 4. Sum 8. */
export function nativeHistogram(names: Labels = {}): Field[] {
  return [
    ...labels(names),
    [
      7,
      [
        [1, 6n],
        [2, 8],
        [5, zigzag(0)],
        [6, 0.001],
        [7, 2n],
        [
          12,
          [
            [1, zigzag(0)],
            [2, 3n],
          ],
        ],
        [13, zigzag(1)],
        [13, zigzag(1)],
        [13, zigzag(-1)],
      ],
    ],
  ];
}
