/**
 * Runs the measurements in turn, so that what else the machine does is spread over all of them alike: one of each, then
 * one of each again. Resolves with the values of each.
 */
export async function inTurn<Name extends string>(
  times: number,
  measurements: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(measurements) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let i = 0; i < times; i++) {
    for (const name of names) values[name].push(await measurements[name]());
  }
  return values;
}
