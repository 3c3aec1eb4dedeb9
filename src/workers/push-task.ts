import { isLoss } from '../redis/batches.ts';
import { Arena } from '../redis/byte-pool.ts';
import type { RedisConnection } from '../redis/client.ts';
import { type StoreError, toStoreError } from '../redis/failure.ts';
import { candidateOf, type Group, groupOf, namesOfShape } from '../redis/group.ts';
import { GroupLease } from '../redis/group-lease.ts';
import { GROUP_METRIC_NAMES } from '../redis/group-metrics.ts';
import { GroupPush, type GroupPushOutcome } from '../redis/group-push.ts';
import { GroupReleases } from '../redis/group-releases.ts';
import type { GroupFamilyWrite } from '../redis/group-write.ts';
import { fingerprint } from '../redis/identity-secret.ts';
import type { Keys } from '../redis/keys.ts';
import { labelsOfLine } from '../redis/label-text.ts';
import { LongWaits } from '../redis/patience.ts';
import { Retries } from '../redis/retries.ts';
import { KIB, MIB } from '../units.ts';
import { BlockBuilder } from './block-builder.ts';
import { entryTexts } from './entry-texts.ts';
import { convert } from './exposition/convert.ts';
import type { Converted } from './exposition/converted.ts';
import { groupLabels } from './exposition/group-labels.ts';
import { TextParser } from './exposition/text-parser.ts';
import { SeriesHash } from './identity.ts';
import type { PushResult, PushTask } from './messages.ts';
import { PartsBuilder } from './parts-builder.ts';
import { inconsistent, reasonOf } from './push-refusal.ts';

/** The buffers of a parser grow with what it reads; those of a larger body are not kept for the next one. */
const LARGEST_KEPT_BYTES = 4 * MIB;

/** What a body says, once it has been read and found consistent in itself. */
interface ReadBody {
  readonly families: GroupFamilyWrite[];
  readonly samples: number;
}

/** Why a body is refused before the store is asked. */
interface Problem {
  readonly kind: 'syntax' | 'check';
  readonly message: string;
}

type Told = Omit<PushResult, 'kind' | 'redisMs'>;

/** What the tasks of a thread share. */
export interface TaskDeps {
  readonly longWaits: LongWaits;
  readonly retries: Retries;
  readonly releases: GroupReleases;
}

/** Stores whole bodies in groups. One for each thread and secret. */
export class Pusher {
  readonly #connection: RedisConnection;
  readonly #keys: Keys;
  readonly #secret: Uint8Array;
  readonly #fingerprint: string;
  readonly #timeoutMs: number;
  readonly #deps: TaskDeps;
  readonly #arenas = Arena.pool();
  #reader: BodyReader;

  /** @param timeoutMs of a command of the connection */
  constructor(
    connection: RedisConnection,
    keys: Keys,
    secret: Uint8Array,
    timeoutMs: number,
    deps = taskDeps(connection),
  ) {
    this.#connection = connection;
    this.#deps = deps;
    this.#keys = keys;
    this.#secret = secret;
    this.#fingerprint = fingerprint(secret);
    this.#timeoutMs = timeoutMs;
    this.#reader = new BodyReader(secret);
  }

  isKeyedWith(secret: Uint8Array): boolean {
    return Buffer.compare(this.#secret, secret) === 0;
  }

  /** Does not throw for anything that the body says or Redis does: that is in the result. */
  async run(task: PushTask): Promise<PushResult> {
    const arena = new Arena(this.#arenas);
    const body = this.#reader.read(task, arena);
    if (task.body.byteLength > LARGEST_KEPT_BYTES) this.#reader = new BodyReader(this.#secret);
    const start = performance.now();
    const told = await this.#store(task, body);
    arena.release();
    return { kind: 'push', ...told, redisMs: performance.now() - start };
  }

  async #store(task: PushTask, body: ReadBody | Problem): Promise<Told> {
    if ('kind' in body && body.kind === 'syntax') return refused('malformed', body.message);
    const group = groupOf(task.group);
    if ('kind' in body) {
      const { retries, releases, longWaits } = this.#deps;
      const lease = new GroupLease(this.#connection, this.#keys, group, this.#timeoutMs, longWaits);
      const failure = await retries.run(
        () => noteFailure(lease, task.ttlMs),
        (error) => error,
      );
      void lease.giveUp(releases);
      if (failure === undefined) return refused('inconsistent', inconsistent([body.message]));
      return told({ status: 'failed', error: failure, partly: false }, 0);
    }
    const push = this.#push(task, group, body.families);
    const outcome = await this.#deps.retries.run(
      () => push.run(),
      (result) => (result.status === 'failed' ? result.error : undefined),
    );
    if (outcome.status === 'failed') {
      const abandoned = push.abandon();
      // Whoever waits for a server that hangs has waited long enough.
      if (!isLoss(outcome.error)) await abandoned;
    }
    return told(outcome, body.samples);
  }

  #push(task: PushTask, group: Group, families: readonly GroupFamilyWrite[]): GroupPush {
    return new GroupPush(this.#connection, this.#keys, group, families, {
      mode: task.mode,
      ttlMs: task.ttlMs,
      fingerprint: this.#fingerprint,
      timeoutMs: this.#timeoutMs,
      longWaits: this.#deps.longWaits,
      releases: this.#deps.releases,
      holdsSecret: async () => {
        const held = await this.#connection.command('GET', this.#keys.secret);
        return Buffer.isBuffer(held) && this.isKeyedWith(held);
      },
      candidates,
    });
  }
}

export function taskDeps(connection: RedisConnection): TaskDeps {
  const longWaits = new LongWaits();
  return { longWaits, retries: new Retries(connection, longWaits), releases: new GroupReleases() };
}

/** The group has failed to be pushed, which is told by push_failure_time_seconds. Returns why that was not noted. */
async function noteFailure(lease: GroupLease, ttlMs: number): Promise<StoreError | undefined> {
  try {
    await lease.begin([], ttlMs);
    await lease.end('refused', { ttlMs });
    return undefined;
  } catch (thrown) {
    return toStoreError(thrown);
  }
}

/** What a group has of a family is mostly less, and then a single block, which is stored for less than several are. */
const LEAST_BLOCK_BYTES = 4 * KIB;

/** Turns bodies into blocks. */
class BodyReader {
  readonly #parser: TextParser;
  readonly #builder: BlockBuilder;

  constructor(secret: Uint8Array) {
    const hash = new SeriesHash(secret);
    this.#parser = new TextParser(hash);
    this.#builder = new BlockBuilder(hash, LEAST_BLOCK_BYTES);
  }

  read({ body, format, timestamps, utf8Names, group }: PushTask, arena: Arena): ReadBody | Problem {
    const converted = convert(Buffer.from(body), format, { strict: true });
    if (converted?.problem !== undefined) return converted.problem;
    const parts = new PartsBuilder(this.#builder, arena);
    const parsed = this.#parser.parse(converted?.text ?? Buffer.from(body), {
      parts,
      timestamps,
      whole: true,
      declared: NOTHING_DECLARED,
      strict: true,
      group: groupLabels(group),
      extended: converted !== undefined,
      utf8Names,
    });
    if (parsed.problem !== undefined) return inSourceOf(converted, parsed.problem);
    const families: GroupFamilyWrite[] = [];
    let samples = 0;
    for (const [index, blocks] of parts.finish(parsed).entries()) {
      const { name, kind, type, help, unit } = parsed.families[index];
      // The store has these of its own.
      if (blocks.length === 0 || GROUP_METRIC_NAMES.has(name)) continue;
      const typeOrNone = type ?? (kind === 'plain' ? 'untyped' : kind);
      families.push({ name, kind, type: typeOrNone, help, unit, blocks });
      for (const block of blocks) samples += block.samples;
    }
    return { families, samples };
  }
}

const NOTHING_DECLARED = new Map<string, never>();

/** A problem of a converted text, told by the line of the body. */
function inSourceOf(
  converted: Converted | undefined,
  problem: Problem & { line: number; detail: string },
): Problem {
  const line = converted?.lines?.[problem.line - 1];
  if (converted === undefined || problem.kind === 'check') return problem;
  return {
    kind: 'syntax',
    message: line === undefined ? problem.detail : `error in line ${line}: ${problem.detail}`,
  };
}

function candidates(family: GroupFamilyWrite, shapes: readonly string[]): Buffer {
  const ids = new Map<string, Buffer>();
  // Anybody can make shapes of a thousand names: not to be read once for each series.
  const keys = shapes.map(namesOfShape);
  for (const { value } of family.blocks) {
    for (const text of entryTexts(value)) {
      const labels = new Map(labelsOfLine(text.toString()));
      for (const names of keys) {
        const id = candidateOf(names, labels);
        if (id !== undefined) ids.set(id.toString('latin1'), id);
      }
    }
  }
  return Buffer.concat([...ids.values()]);
}

function refused(outcome: 'malformed' | 'inconsistent', message: string): Told {
  return { outcome, message, samples: 0, compact: [], blocksWritten: 0 };
}

function told(outcome: GroupPushOutcome, samples: number): Told {
  switch (outcome.status) {
    case 'stored':
      return { outcome: 'stored', samples, compact: outcome.compact, blocksWritten: outcome.blocks };
    case 'refused': {
      const message = inconsistent(outcome.refusals.map(reasonOf));
      const part = outcome.partly
        ? ' (another push came in between: some metric families of this one are stored)'
        : '';
      return refused('inconsistent', message + part);
    }
    case 'failed': {
      const { reason, message } = outcome.error;
      const stale = reason === 'identity' ? { staleIdentity: true as const } : {};
      const extent = outcome.partly
        ? 'some metric families of the push may be stored, and others not'
        : 'nothing of the push is stored';
      return {
        outcome: 'failed',
        message: `${message}: ${extent}`,
        failure: { reason, message, ...stale },
        samples: 0,
        compact: [],
        blocksWritten: 0,
      };
    }
  }
}
