import type { Body } from '../data/bodies.ts';
import { inTurn } from '../measure/in-turn.ts';
import { median } from '../measure/statistics.ts';
import { type GatewayUnderTest, push, scrape } from '../programs/gateway-under-test.ts';
import { quiet } from '../programs/ours.ts';

export interface Candidate {
  readonly gateway: GatewayUnderTest;
  readonly body: Body;
  /** Pushes and scrapes before those that count. Default: one. */
  readonly warmUps?: number;
}

/** Medians, in seconds. */
export interface InAndOut {
  readonly in: number;
  readonly out: number;
}

/** Pushes of a body to /ingest and scrapes of it, of several gateways of ours in turn. */
export async function inAndOut<Name extends string>(
  times: number,
  candidates: Readonly<Record<Name, Candidate>>,
): Promise<Record<Name, InAndOut>> {
  const named = Object.entries(candidates) as Array<[Name, Candidate]>;
  const of = (measure: (candidate: Candidate) => Promise<number>) =>
    Object.fromEntries(
      Object.entries(candidates).map(([name, candidate]) => [name, () => measure(candidate as Candidate)]),
    ) as Record<Name, () => Promise<number>>;
  const ingest = of(({ gateway, body }) => push(gateway, body, { path: '/ingest' }));
  const read = of(async ({ gateway, body }) => (await scrape(gateway, { leastBytes: body.bytes })).seconds);
  for (const [name, { warmUps = 1 }] of named) for (let i = 0; i < warmUps; i++) await ingest[name]();
  const secondsIn = await inTurn<Name>(times, ingest);
  for (const [, { gateway }] of named) await quiet(gateway);
  for (const [name, { warmUps = 1 }] of named) for (let i = 0; i < warmUps; i++) await read[name]();
  const secondsOut = await inTurn<Name>(times, read);
  return Object.fromEntries(
    (Object.keys(candidates) as Name[]).map((name) => [
      name,
      { in: median(secondsIn[name]), out: median(secondsOut[name]) },
    ]),
  ) as Record<Name, InAndOut>;
}
