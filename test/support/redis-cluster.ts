import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../../src/units.ts';
import { freeNodePort } from './ports.ts';
import { until } from './processes.ts';
import { RedisServer } from './redis-server.ts';

const SLOTS = 16_384;
const START_TIMEOUT_MS = 40 * SECOND;

/** Commands without a key, which are about all masters. */
const EVERYWHERE = new Set(['FLUSHALL', 'KEYS', 'SCRIPT', 'CONFIG', 'DBSIZE', 'INFO', 'ACL', 'WAIT']);

export interface RedisClusterOptions {
  /** Default 3. */
  readonly masters?: number;
  /** In all; they are spread over the masters. Default: one for each. */
  readonly replicas?: number;
  /** After so long without an answer a node is taken for dead. Default 1 s. */
  readonly nodeTimeoutMs?: number;
  /** How far the clocks of the replicas are ahead of ours, or behind, one after the other. Default: not at all. */
  readonly replicaClocksMs?: readonly number[];
  /** Appended to the command line of every node. */
  readonly args?: readonly string[];
}

/** What `CLUSTER NODES` says of a node. */
export interface NodeState {
  readonly id: string;
  readonly server: RedisServer;
  readonly master: boolean;
  readonly failed: boolean;
  /** Of a replica: the id of its master. */
  readonly masterId: string;
  readonly ranges: ReadonlyArray<SlotRange>;
  readonly slots: number;
}

type SlotRange = readonly [first: number, last: number];

/** A Redis Cluster of our own on loopback; its nodes end with the test process however that ends. */
export class RedisCluster implements AsyncDisposable {
  readonly nodes: readonly RedisServer[];
  readonly #directory: string;

  private constructor(nodes: readonly RedisServer[], directory: string) {
    this.nodes = nodes;
    this.#directory = directory;
  }

  /** Resolves once every node says that the cluster is well and every replica has its master's data. */
  static async start(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    const { masters = 3, nodeTimeoutMs = SECOND, replicaClocksMs = [], args = [] } = options;
    const { replicas = masters } = options;
    const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-cluster-'));
    const nodes = await Promise.all(
      Array.from({ length: masters + replicas }, async (_, index) => {
        const port = await freeNodePort();
        // Not in the directory of the process, which goes with it: a node that comes back knows who it was.
        const configFile = join(directory, `nodes-${port}.conf`);
        // biome-ignore format: one setting a line
        return RedisServer.start({
          port,
          clockMs: replicaClocksMs[index - masters] ?? 0,
          args: [
            '--cluster-enabled', 'yes',
            '--cluster-config-file', configFile,
            '--cluster-node-timeout', String(nodeTimeoutMs),
            // Else the first synchronisation waits 5 s, and no replica may take over until then.
            '--repl-diskless-sync-delay', '0',
            ...args,
          ],
        });
      }),
    );
    const cluster = new RedisCluster(nodes, directory);
    try {
      await cluster.#join(masters);
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** `127.0.0.1:12345` of each node, as `--redis.endpoint` takes them. */
  get endpoints(): string[] {
    return this.nodes.map(({ endpoint }) => endpoint);
  }

  /** The cluster as a node that runs sees it. */
  async states(): Promise<NodeState[]> {
    const lines = (await this.#anyNode((node) => node.cli('CLUSTER', 'NODES'))).split('\n');
    return lines.flatMap((line): NodeState[] => {
      const [id, address, flags, masterId, , , , , ...shares] = line.split(' ');
      const port = Number(/:(\d+)@/.exec(address)?.[1]);
      const server = this.nodes.find((node) => node.port === port);
      if (server === undefined) return [];
      // What is in brackets is on its way.
      const ranges = shares.filter((share) => !share.startsWith('[')).map(slotRange);
      return [
        {
          id,
          server,
          master: flags.includes('master'),
          failed: flags.includes('fail'),
          masterId,
          ranges,
          slots: ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0),
        },
      ];
    });
  }

  /** The masters that serve slots. */
  async masters(): Promise<RedisServer[]> {
    const states = await this.states();
    return states.filter(({ master, failed, slots }) => master && !failed && slots > 0).map((s) => s.server);
  }

  /** The master that holds the slot of this key. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = Number(await this.#anyNode((node) => node.cli('CLUSTER', 'KEYSLOT', key)));
    return this.masterOfSlot(slot);
  }

  async masterOfSlot(slot: number): Promise<RedisServer> {
    const serves = ({ ranges }: NodeState) => ranges.some(([first, last]) => first <= slot && slot <= last);
    const server = (await this.states()).find(serves)?.server;
    if (server === undefined) throw new Error(`no master serves slot ${slot}`);
    return server;
  }

  /**
   * Moves a slot with all its keys to another master as `redis-cli --cluster reshard` does it, but a few keys at a time
   * and with pauses between, so that much happens meanwhile. Returns how many keys went.
   */
  async moveSlot(slot: number, to: RedisServer): Promise<number> {
    const from = await this.masterOfSlot(slot);
    const [fromId, toId] = await Promise.all([from.cli('CLUSTER', 'MYID'), to.cli('CLUSTER', 'MYID')]);
    await to.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', fromId);
    await from.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', toId);
    let moved = 0;
    for (;;) {
      const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', String(slot), '3'))
        .split('\n')
        .filter(Boolean);
      if (keys.length === 0) break;
      // NOKEY: they have ended meanwhile.
      const answer = await from.cli('MIGRATE', to.host, String(to.port), '', '0', '5000', 'KEYS', ...keys);
      if (answer === 'OK') moved += keys.length;
      await sleep(2);
    }
    for (const node of new Set([to, from, ...(await this.masters())])) {
      await node.cli('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
    }
    return moved;
  }

  /** Keys that lie at a master which does not serve their slot. */
  async strayKeys(): Promise<string[]> {
    const stray: string[] = [];
    // Keys with the same tag lie together.
    const masters = new Map<string, RedisServer>();
    for (const node of await this.masters()) {
      for (const key of (await node.cli('KEYS', '*')).split('\n').filter(Boolean)) {
        const tag = /\{.+?\}/.exec(key)?.[0] ?? key;
        const master = masters.get(tag) ?? (await this.masterOf(tag));
        masters.set(tag, master);
        if (master !== node) stray.push(`${key} at ${node.endpoint}`);
      }
    }
    return stray;
  }

  async replicaOf(master: RedisServer): Promise<RedisServer> {
    const states = await this.states();
    const id = states.find(({ server }) => server === master)?.id;
    const replica = states.find((state) => !state.master && !state.failed && state.masterId === id);
    if (replica === undefined) throw new Error(`${master.endpoint} has no replica`);
    return replica.server;
  }

  /**
   * As `redis-cli` prints it: a command about keys where its key lies, one about whole servers on all masters, whose
   * answers then follow one another.
   */
  async cli(...args: string[]): Promise<string> {
    const command = args.find((arg) => !arg.startsWith('-')) ?? '';
    if (!EVERYWHERE.has(command.toUpperCase())) {
      if (command !== args[0]) return this.#anyNode((node) => node.cli('-c', ...args));
      return this.#anyNode((node) => this.#followed(node, args));
    }
    const answers = await Promise.all((await this.masters()).map((node) => node.cli(...args)));
    return answers.filter((answer) => answer !== '').join('\n');
  }

  /** Resolves once all nodes that run say that all is well: each slot served, each replica in touch with its master. */
  async whenWell(): Promise<void> {
    const well = async (node: RedisServer): Promise<boolean> => {
      if (!/cluster_state:ok/.test(await node.cli('CLUSTER', 'INFO'))) return false;
      const role = await node.cli('INFO', 'replication');
      return /role:master|master_link_status:up/.test(role);
    };
    await until(
      async () => {
        const running = this.nodes.filter((node) => node.running);
        return (await Promise.all(running.map((node) => well(node).catch(() => false)))).every(Boolean);
      },
      START_TIMEOUT_MS,
      'the cluster is well',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #join(masters: number): Promise<void> {
    const { nodes } = this;
    const share = (index: number): string => String(Math.floor((SLOTS * index) / masters));
    await Promise.all(
      nodes.map(async (node, index) => {
        await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
        if (index < masters) {
          const last = String(Number(share(index + 1)) - 1);
          await node.cli('CLUSTER', 'ADDSLOTSRANGE', share(index), last);
        }
      }),
    );
    // Each meets each, as hearsay takes seconds.
    for (const [index, node] of nodes.entries()) {
      for (const other of nodes.slice(index + 1)) {
        await node.cli('CLUSTER', 'MEET', other.host, String(other.port));
      }
    }
    const knowAll = new RegExp(`cluster_known_nodes:${nodes.length}\\r?\\n`);
    const ids = await Promise.all(nodes.map((node) => node.cli('CLUSTER', 'MYID')));
    await Promise.all(
      nodes.map(async (node, index) => {
        await until(
          async () => knowAll.test(await node.cli('CLUSTER', 'INFO')),
          START_TIMEOUT_MS,
          'the nodes know each other',
        );
        if (index < masters) return;
        const id = ids[(index - masters) % masters];
        await until(
          async () => (await node.cli('CLUSTER', 'REPLICATE', id).catch(() => '')) === 'OK',
          START_TIMEOUT_MS,
          'a replica knows its master',
        );
      }),
    );
    await this.whenWell();
  }

  /** A command about keys, that may be told to go elsewhere. */
  async #followed(node: RedisServer, args: readonly string[]): Promise<string> {
    try {
      return await node.cli(...args);
    } catch (error) {
      const port = /^MOVED \d+ .*:(\d+)$/.exec((error as Error).message)?.[1];
      const other = this.nodes.find((known) => known.port === Number(port));
      if (other === undefined) throw error;
      return other.cli(...args);
    }
  }

  /** What the first node says that answers. */
  async #anyNode<T>(ask: (node: RedisServer) => Promise<T>): Promise<T> {
    let failure: unknown = new Error('no node runs');
    for (const node of this.nodes) {
      if (!node.running || node.paused) continue;
      try {
        return await ask(node);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}

function slotRange(text: string): SlotRange {
  const [first, last = first] = text.split('-').map(Number);
  return [first, last];
}
