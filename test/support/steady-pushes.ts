import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gateway } from './gateway.ts';
import { scrapeOf } from './push.ts';
import { seriesOf } from './storage.ts';

export interface SteadyPushesOptions {
  /** Each has two families of its own, and pushes one after the other. Default 8. */
  readonly clients?: number;
  /** Where they push to: each to a group of its own, to /ingest, or one to the one and the next to the other. Default groups. */
  readonly into?: 'groups' | 'ingest' | 'both';
  /** From one push of a client to its next. Default 40 ms. */
  readonly everyMs?: number;
  /** Shows the names of the families. Default `steady`. */
  readonly name?: string;
}

interface Client {
  readonly index: number;
  readonly ingests: boolean;
  /** Of the last acknowledged push. */
  acknowledged: number;
  /** When that was answered. */
  acknowledgedAt: number;
  longestGapMs: number;
}

/**
 * Pushes through one or more gateways, without a pause, values that count up. What was acknowledged must be
 * shown afterwards, or something later.
 */
export class SteadyPushes implements AsyncDisposable {
  /** How often each status was answered; 0 for a request that broke. */
  readonly answers = new Map<number, number>();
  /** Texts of the answers that were no 200. */
  readonly refusals = new Set<string>();
  readonly #urls: readonly string[];
  readonly #name: string;
  readonly #everyMs: number;
  readonly #clients: Client[];
  readonly #done: Promise<unknown>;
  #stopped = false;

  private constructor(
    urls: readonly string[],
    { clients = 8, into = 'groups', everyMs = 40, name }: SteadyPushesOptions,
  ) {
    this.#urls = urls;
    this.#name = name ?? 'steady';
    this.#everyMs = everyMs;
    const now = performance.now();
    this.#clients = Array.from({ length: clients }, (_, index) => ({
      index,
      ingests: into === 'ingest' || (into === 'both' && index % 2 === 1),
      acknowledged: 0,
      acknowledgedAt: now,
      longestGapMs: 0,
    }));
    this.#done = Promise.all(this.#clients.map((client) => this.#run(client)));
  }

  static start(gateways: ReadonlyArray<{ url: string }>, options: SteadyPushesOptions = {}): SteadyPushes {
    return new SteadyPushes(
      gateways.map(({ url }) => url),
      options,
    );
  }

  get acknowledged(): number {
    return this.answers.get(200) ?? 0;
  }

  /** The longest time in which any client went without an acknowledgement, until now. */
  get longestGapMs(): number {
    const now = performance.now();
    return Math.max(...this.#clients.map((c) => Math.max(c.longestGapMs, now - c.acknowledgedAt)));
  }

  /** Starts to measure anew, from this moment. */
  resetGap(): void {
    const now = performance.now();
    for (const client of this.#clients) {
      client.longestGapMs = 0;
      client.acknowledgedAt = now;
    }
  }

  /** Resolves once every client has been acknowledged another push, sent from now on. */
  async allAcknowledged(timeoutMs: number): Promise<void> {
    const begun = this.#clients.map(({ acknowledged }) => acknowledged);
    const deadline = performance.now() + timeoutMs;
    // The next one may have been sent before; that after it was not.
    while (this.#clients.some(({ acknowledged }, i) => acknowledged < begun[i] + 2)) {
      if (performance.now() > deadline) {
        throw new Error(`pushes are not acknowledged after ${timeoutMs} ms: ${[...this.refusals].slice(-5)}`);
      }
      await sleep(10);
    }
  }

  /** What was acknowledged so far: series to value. */
  expected(): Map<string, number> {
    const expected = new Map<string, number>();
    for (const client of this.#clients) {
      if (client.acknowledged === 0) continue;
      const labels = client.ingests ? 'series="steady"' : `instance="",job="${this.#name}-${client.index}"`;
      for (const family of this.#families(client)) expected.set(`${family}{${labels}}`, client.acknowledged);
    }
    return expected;
  }

  /** Ends the pushing; resolves when all is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #families({ index }: Client): string[] {
    return [`${this.#name}_${index}_a`, `${this.#name}_${index}_b`];
  }

  async #run(client: Client): Promise<void> {
    // Not all at once.
    await sleep((this.#everyMs * client.index) / this.#clients.length);
    for (let value = 1; !this.#stopped; value++) {
      const begun = performance.now();
      const status = await this.#push(client, value);
      this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
      if (status === 200) {
        const now = performance.now();
        client.longestGapMs = Math.max(client.longestGapMs, now - client.acknowledgedAt);
        client.acknowledgedAt = now;
        client.acknowledged = value;
      }
      await sleep(begun + this.#everyMs - performance.now());
    }
  }

  async #push(client: Client, value: number): Promise<number> {
    const url = this.#urls[(client.index + value) % this.#urls.length];
    try {
      const answer = await (client.ingests
        ? this.#ingest(url, client, value)
        : this.#put(url, client, value));
      const text = await answer.text();
      if (answer.status !== 200) this.refusals.add(text.trim());
      return answer.status;
    } catch (error) {
      this.refusals.add(String((error as Error).cause ?? error));
      return 0;
    }
  }

  #put(url: string, client: Client, value: number): Promise<Response> {
    const body = this.#families(client).map((family) => `${family} ${value}\n`);
    return fetch(`${url}/metrics/job/${this.#name}-${client.index}`, { method: 'PUT', body: body.join('') });
  }

  // With another series each time: so a push makes other blocks than the one before it, and their order counts.
  #ingest(url: string, client: Client, value: number): Promise<Response> {
    const lines = this.#families(client).flatMap((family) => [
      `${family}{series="steady"} ${value}\n`,
      `${family}{series="${value % 7}"} ${value}\n`,
    ]);
    return fetch(`${url}/ingest`, { method: 'POST', body: lines.join('') });
  }
}

/** Of what is expected: what an exposition lacks, or shows an earlier value of. */
export function lost(expected: ReadonlyMap<string, number>, exposition: string): string[] {
  const shown = seriesOf(exposition);
  return [...expected]
    .filter(([series, value]) => !(Number(shown.get(series)) >= value))
    .map(([series, value]) => `${series}: ${shown.get(series) ?? 'nothing'} after ${value}`);
}

/** Scrapes one after the other while something goes wrong. */
export class SteadyScrapes implements AsyncDisposable {
  /** How many ended normally, and how many were refused or broke. */
  whole = 0;
  broken = 0;
  /** What a scrape that ended normally lacked or showed an earlier value of. */
  readonly short: string[] = [];
  readonly #everyMs: number;
  readonly #done: Promise<unknown>;
  #stopped = false;

  private constructor(gateways: ReadonlyArray<{ url: string }>, pushes: SteadyPushes, everyMs: number) {
    this.#everyMs = everyMs;
    this.#done = Promise.all(gateways.map(({ url }) => this.#run(url, pushes)));
  }

  /** @param everyMs from the end of a scrape to the next at the same gateway */
  static start(gateways: ReadonlyArray<{ url: string }>, pushes: SteadyPushes, everyMs = 20): SteadyScrapes {
    return new SteadyScrapes(gateways, pushes, everyMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(url: string, pushes: SteadyPushes): Promise<void> {
    while (!this.#stopped) {
      const expected = pushes.expected();
      try {
        const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(30_000) });
        const text = await answer.text();
        if (answer.status === 200) {
          this.whole += 1;
          this.short.push(...lost(expected, text));
        } else this.broken += 1;
      } catch {
        this.broken += 1;
      }
      await sleep(this.#everyMs);
    }
  }
}

/**
 * After a failover: each gateway shows what was acknowledged, no scrape that ended normally lacked any of it, and nobody
 * was told anything but that a push is stored or is not.
 */
export async function assertHonest(
  gateways: readonly Gateway[],
  pushes: SteadyPushes,
  scrapes: SteadyScrapes,
): Promise<void> {
  for (const gateway of gateways) {
    assert.deepEqual(lost(pushes.expected(), await scrapeOf(gateway)), []);
  }
  assert.deepEqual(scrapes.short, []);
  assert.ok(scrapes.whole > 0);
  const others = [...pushes.answers.keys()].filter((status) => status !== 200 && status !== 503);
  assert.deepEqual(others, []);
}
