/** A Redis Cluster has so many slots; each key lies in one (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/). */
export const SLOTS = 16_384;

const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  return crc;
});

/** The slot of a key: of its hash tag, if it has one. */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >> 8) ^ byte];
  return crc % SLOTS;
}

/** Which node is the master of each slot, as `host:port`; undefined where none is. */
export class SlotMap {
  readonly #masters = new Array<string | undefined>(SLOTS).fill(undefined);
  #distinct: Set<string | undefined> | undefined;

  /**
   * @param reply of CLUSTER SLOTS: ranges with their master first
   * @param host of the node that was asked: a node that does not know its own address says nothing for it
   */
  static parse(reply: unknown, host: string): SlotMap {
    const map = new SlotMap();
    for (const range of reply as Array<[number, number, [Buffer | null, number]]>) {
      const [first, last, [name, port]] = range;
      const given = name === null ? '' : String(name);
      const address = `${given === '' || given === '?' ? host : given}:${port}`;
      map.#masters.fill(address, Number(first), Number(last) + 1);
    }
    return map;
  }

  masterOf(slot: number): string | undefined {
    return this.#masters[slot];
  }

  move(slot: number, address: string): void {
    this.#masters[slot] = address;
    this.#distinct = undefined;
  }

  /** Every slot has a master. */
  get isWhole(): boolean {
    return !this.#all().has(undefined);
  }

  masters(): string[] {
    return [...this.#all()].filter((address) => address !== undefined);
  }

  #all(): Set<string | undefined> {
    this.#distinct ??= new Set(this.#masters);
    return this.#distinct;
  }
}

/** A redirection (`MOVED 1234 10.0.0.1:6379`) as Redis words it. */
export interface Redirection {
  readonly kind: 'MOVED' | 'ASK';
  readonly slot: number;
  readonly address: string;
}

/** @param host of the node that has answered */
export function parseRedirection(message: string, host: string): Redirection | undefined {
  const match = /^(MOVED|ASK) (\d{1,5}) (\S*):(\d+)$/.exec(message);
  if (match === null || Number(match[2]) >= SLOTS) return undefined;
  const [, kind, slot, name, port] = match;
  return { kind: kind as Redirection['kind'], slot: Number(slot), address: `${name || host}:${port}` };
}

export function splitAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}
