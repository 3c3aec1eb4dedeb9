/**
 * The keys of a call that may have thousands of them, each in two parts: many begin alike, and strings of which each is needed
 * once would be a fifth of all garbage of a body of many families.
 */
export class CallKeys {
  readonly heads: string[] = [];
  readonly tails: string[] = [];

  get length(): number {
    return this.heads.length;
  }

  add(head: string, tail = ''): void {
    this.heads.push(head);
    this.tails.push(tail);
  }
}

/** On a Cluster all keys of a call lie in the slot of this one. */
export function firstKey(keys: readonly string[] | CallKeys): string {
  return keys instanceof CallKeys ? keys.heads[0] + keys.tails[0] : keys[0];
}
