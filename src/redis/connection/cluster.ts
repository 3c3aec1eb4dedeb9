import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../units.ts';
import { connectionLost, StoreError, toStoreError } from '../failure.ts';
import type { RedisEndpoint, RedisOptions } from '../options.ts';
import type { Link, LinkHooks, LinkSettings } from './link.ts';
import { serverOptions } from './link-options.ts';
import { LinkPool, type PoolLimits } from './link-pool.ts';
import type { Redirected, Servers } from './servers.ts';
import { parseRedirection, SlotMap, slotOf, splitAddress } from './slots.ts';

/** How often it is looked whether the map of slots must be renewed: so often a node that is lost costs a question. */
const TICK_MS = 500;
/** A node that owes an answer for so long may have been replaced. */
const SILENT_MS = 1 * SECOND;
/** A node that no slot leads to is kept for so long after it was last needed: it may just be taking over its first. */
const UNUSED_MS = 30 * SECOND;
/** Between two attempts while the keys of a slot are on their way to another node. */
const TRY_AGAIN_MS = 25;
/** Most redirections of one request; each is at least a round trip. */
export const MAX_REDIRECTIONS = 16;

interface Node {
  readonly pool: LinkPool;
  neededAt: number;
}

/**
 * A Redis Cluster. Only masters are spoken to. Which of them has which slots is asked of any that answers: at the
 * start, when one sends us on, and while one is down or silent.
 */
export class Cluster implements Servers {
  readonly #options: RedisOptions;
  readonly #settings: Omit<LinkSettings, 'client'>;
  readonly #limits: PoolLimits;
  readonly #hooks: LinkHooks;
  readonly #nodes = new Map<string, Node>();
  /** Connections to the endpoints that were given, while no node is known that answers. */
  readonly #seeds = new Map<string, LinkPool>();
  readonly #timer: NodeJS.Timeout;
  #map: SlotMap | undefined;
  #refreshing: Promise<void> | undefined;
  #stale = true;
  #lastError: StoreError | undefined;
  #closed = false;

  constructor(
    options: RedisOptions,
    settings: Omit<LinkSettings, 'client'>,
    limits: PoolLimits,
    hooks: LinkHooks,
  ) {
    this.#options = options;
    this.#settings = settings;
    this.#limits = limits;
    this.#hooks = {
      onUp: (link) => {
        if (this.#stale) void this.#refresh();
        hooks.onUp?.(link);
      },
      onDown: (link, error) => {
        this.#lastError = error;
        this.#stale = true;
        hooks.onDown?.(link, error);
      },
    };
    if (options.endpoints.length === 0) throw new StoreError('other', 'no Redis endpoint is given');
    this.#plantSeeds();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** The slots are known, and one of their masters answers. */
  get up(): boolean {
    return this.#map !== undefined && this.#masters().some(({ pool }) => pool.up);
  }

  get lastError(): StoreError | undefined {
    return this.#lastError;
  }

  poolOf(key: string): LinkPool {
    if (this.#map === undefined) throw unsent(this.#lastError ?? connectionLost());
    const address = this.#map.masterOf(slotOf(key));
    if (address === undefined) {
      this.#stale = true;
      throw unsent(uncovered());
    }
    return this.#node(address).pool;
  }

  async redirect(error: StoreError, key: string, link: Link, until: number): Promise<Redirected | undefined> {
    const said = (error.cause as Error | undefined)?.message ?? '';
    if (error.reason === 'clusterdown') this.#stale = true;
    if (error.reason === 'migrating') {
      if (performance.now() + TRY_AGAIN_MS >= until) return undefined;
      await sleep(TRY_AGAIN_MS);
      return { pool: this.poolOf(key), asking: false };
    }
    const redirection = parseRedirection(said, link.host);
    if (redirection === undefined) return undefined;
    const { kind, slot, address } = redirection;
    if (kind === 'MOVED') {
      this.#map?.move(slot, address);
      this.#stale = true;
      void this.#refresh();
    }
    let { pool } = this.#node(address);
    while (!pool.up) {
      // Nothing was done: what the sender is told is that the node which has the keys cannot be reached.
      if (this.#closed || performance.now() + TRY_AGAIN_MS >= until) {
        throw unsent(pool.lastError ?? connectionLost());
      }
      await sleep(TRY_AGAIN_MS);
      // It may have been sent on by a node that does not know yet who has taken over.
      if (kind === 'MOVED') pool = this.poolOf(key);
    }
    return { pool, asking: kind === 'ASK' };
  }

  /** Every slot has a master that answers, and says that the cluster is well. */
  async check(until: number): Promise<void> {
    await this.#refresh();
    if (this.#map === undefined) throw this.#lastError ?? connectionLost();
    if (!this.#map.isWhole) throw uncovered();
    await Promise.all(
      this.#masters().map(async ({ pool }) => {
        const link = pool.take();
        await link.whenTried(until);
        const info = await link.send({ command: 'CLUSTER', args: ['INFO'] }, until);
        if (!/^cluster_state:ok/m.test(String(info))) {
          throw new StoreError('clusterdown', 'the Redis cluster is down');
        }
      }),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const pools = [...this.#seeds.values(), ...[...this.#nodes.values()].map(({ pool }) => pool)];
    await Promise.all(pools.map((pool) => pool.close()));
  }

  #masters(): Node[] {
    return (this.#map?.masters() ?? []).map((address) => this.#node(address));
  }

  #node(address: string): Node {
    const now = performance.now();
    const known = this.#nodes.get(address);
    if (known !== undefined) {
      known.neededAt = now;
      return known;
    }
    const node = { pool: this.#pool(splitAddress(address), this.#hooks), neededAt: now };
    this.#nodes.set(address, node);
    return node;
  }

  #pool(endpoint: RedisEndpoint, hooks: LinkHooks, limits = this.#limits): LinkPool {
    const client = serverOptions(this.#options, endpoint);
    return new LinkPool({ ...this.#settings, client }, limits, hooks);
  }

  #plantSeeds(): void {
    for (const endpoint of this.#options.endpoints) {
      const name = JSON.stringify(endpoint);
      const one = { size: 1, idleMs: 0, ageMs: 0 };
      if (!this.#seeds.has(name)) this.#seeds.set(name, this.#pool(endpoint, this.#hooks, one));
    }
  }

  #tick(): void {
    const masters = this.#masters();
    const isWell = masters.length > 0 && masters.every(({ pool }) => pool.up && pool.silentMs < SILENT_MS);
    if (masters.every(({ pool }) => !pool.up)) this.#plantSeeds();
    if (!isWell || this.#stale || !this.#map?.isWhole) void this.#refresh();
  }

  /** Asks for the map of slots, unless that is being done. Does not throw. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#askForMap()
      .catch((error) => {
        this.#lastError = toStoreError(error);
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  async #askForMap(): Promise<void> {
    const pools = [...[...this.#nodes.values()].map(({ pool }) => pool), ...this.#seeds.values()];
    // Those that owe an answer come last. At random, so that no node is believed for good.
    const askable = pools
      .filter((pool) => pool.up)
      .map((pool) => ({ pool, rank: Math.random() + (pool.silentMs > SILENT_MS ? 1 : 0) }))
      .sort((a, b) => a.rank - b.rank);
    for (const { pool } of askable) {
      const link = pool.take();
      try {
        const late = sleep(2 * SECOND, undefined, { ref: false }).then(() => {
          throw new StoreError('timeout', 'Redis did not answer in time');
        });
        const asked = link.send({ command: 'CLUSTER', args: ['SLOTS'] }, Infinity);
        this.#adopt(SlotMap.parse(await Promise.race([asked, late]), link.host));
        return;
      } catch (error) {
        this.#lastError = notACluster(toStoreError(error));
      }
    }
  }

  #adopt(map: SlotMap): void {
    if (this.#closed) return;
    this.#map = map;
    this.#stale = false;
    const masters = map.masters();
    const now = performance.now();
    for (const [address, node] of this.#nodes) {
      // One that hangs is given up at once when another has its slots: what it owes is asked for there.
      const isNeeded = now - node.neededAt < UNUSED_MS && node.pool.up && node.pool.silentMs < SILENT_MS;
      if (masters.includes(address) || isNeeded) continue;
      this.#nodes.delete(address);
      void node.pool.close();
    }
    this.#masters();
    if (masters.length === 0) return;
    for (const pool of this.#seeds.values()) void pool.close();
    this.#seeds.clear();
  }
}

function uncovered(): StoreError {
  return new StoreError('clusterdown', 'the Redis cluster has slots that no master serves');
}

function unsent({ reason, message }: StoreError): StoreError {
  return new StoreError(reason, message, { unsent: true });
}

function notACluster(error: StoreError): StoreError {
  const said = (error.cause as Error | undefined)?.message ?? '';
  if (!/cluster support disabled/i.test(said)) return error;
  return new StoreError('other', 'Redis is not a node of a cluster (redis.mode)', { cause: error });
}
