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
  /** Its turn is so many of them, one after the other. Default: one. */
  readonly inARow?: number;
}

/** Medians, in seconds. */
export interface InAndOut {
  readonly in: number;
  readonly out: number;
  /** Only of those that came first in their turn: others have had the processor and its caches before. */
  readonly firstIn: number;
  readonly firstOut: number;
}

/** Pushes of a body to /ingest and scrapes of it, of several gateways of ours in turn. */
export async function inAndOut<Name extends string>(
  times: number,
  candidates: Readonly<Record<Name, Candidate>>,
): Promise<Record<Name, InAndOut>> {
  const named = Object.entries(candidates) as Array<[Name, Candidate]>;
  const ingest = ({ gateway, body }: Candidate) => push(gateway, body, { path: '/ingest' });
  const read = async ({ gateway, body }: Candidate) =>
    (await scrape(gateway, { leastBytes: body.bytes })).seconds;
  const inRows = async (measure: (candidate: Candidate) => Promise<number>) => {
    for (const [, candidate] of named) {
      for (let i = 0; i < (candidate.warmUps ?? 1); i++) await measure(candidate);
    }
    const all = Object.fromEntries(named.map(([name]) => [name, [] as number[]])) as Record<Name, number[]>;
    const turnOf = (name: Name, candidate: Candidate) => async () => {
      const turn = [await measure(candidate)];
      while (turn.length < (candidate.inARow ?? 1)) turn.push(await measure(candidate));
      all[name].push(...turn);
      return turn[0];
    };
    const turns = named.map(([name, candidate]) => [name, turnOf(name, candidate)]);
    const firsts = await inTurn<Name>(
      times,
      Object.fromEntries(turns) as Record<Name, () => Promise<number>>,
    );
    return { all, firsts };
  };
  const pushes = await inRows(ingest);
  for (const [, { gateway }] of named) await quiet(gateway);
  const scrapes = await inRows(read);
  return Object.fromEntries(
    named.map(([name]) => [
      name,
      {
        in: median(pushes.all[name]),
        out: median(scrapes.all[name]),
        firstIn: median(pushes.firsts[name]),
        firstOut: median(scrapes.firsts[name]),
      },
    ]),
  ) as Record<Name, InAndOut>;
}
