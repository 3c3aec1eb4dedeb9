/*
 * Commands as text, as Redis reads them (https://redis.io/docs/latest/develop/reference/protocol-spec/, arrays of bulk
 * strings). Where there are hundreds of short ones it takes a third of what PackedCall does to join texts and write them
 * at once; for one call with thousands of arguments it is the other way round.
 */

/** @param args its name and arguments */
export function commandText(...args: readonly string[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += argumentText(arg);
  return text;
}

export function argumentText(arg: string): string {
  return `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`;
}
