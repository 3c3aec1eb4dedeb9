import assert from 'node:assert/strict';

/**
 * Time within which the gateway's notion of a moment may differ from ours, ms: the way to Redis and back, and rounding.
 * What has taken longer may end later by that: a gateway knows the clock of Redis as well as the way there is short.
 */
const MARGIN_MS = 40;

interface Version {
  /** Undefined: the series was taken away. */
  readonly value: string | undefined;
  /** When it was sent and when it was acknowledged, ms. */
  readonly sent: number;
  readonly acknowledged: number;
  readonly ttlMs: number;
  /** The group that it was pushed to; undefined: none. */
  readonly group?: number;
  /** It may have been that the series had just ended and did not come back with this. */
  readonly uncertain?: boolean;
}

/** What must be shown, as a plain map of series to the pushes of them, in the order in which they were acknowledged. */
export class SeriesModel {
  readonly #series = new Map<string, Version[]>();

  push(series: string, version: Version): void {
    const versions = this.#series.get(series) ?? [];
    versions.push(version);
    this.#series.set(series, versions);
  }

  /** The latest version of a series, if it is one of the group's that has not been taken away. */
  latestOf(series: string, group: number): Version | undefined {
    const latest = this.#series.get(series)?.at(-1);
    return latest?.group === group && latest.value !== undefined ? latest : undefined;
  }

  /** All series that were ever pushed. */
  names(): string[] {
    return [...this.#series.keys()];
  }

  /** Checks an exposition that was read between two moments, while pushes may have gone on. */
  check(shown: ReadonlyMap<string, string>, begun: number, ended: number): void {
    for (const name of shown.keys()) assert.ok(this.#series.has(name), `${name} was never pushed`);
    for (const [name, versions] of this.#series) {
      // Those that were the newest at some moment of the scrape.
      const current = versions.filter((version, i) => {
        const next = versions[i + 1];
        return version.sent <= ended && (next === undefined || next.acknowledged >= begun);
      });
      const value = shown.get(name);
      const story = () =>
        `${name} = ${value} in a scrape from ${begun} to ${ended}; pushes: ${JSON.stringify(versions)}`;
      if (value !== undefined) {
        assert.ok(
          current.some((version) => version.value === value && !endedBefore(version, begun)),
          `a stale or ended value: ${story()}`,
        );
      } else {
        const lived = current.length > 0 && current[0].acknowledged < begun;
        assert.ok(!lived || current.some((version) => mayBeMissing(version, ended)), `missing: ${story()}`);
      }
    }
  }
}

function endedBefore({ sent, acknowledged, ttlMs }: Version, moment: number): boolean {
  return ttlMs > 0 && acknowledged + ttlMs + Math.max(MARGIN_MS, acknowledged - sent) < moment;
}

function mayBeMissing({ value, uncertain, sent, ttlMs }: Version, moment: number): boolean {
  if (value === undefined || uncertain) return true;
  return ttlMs > 0 && sent + ttlMs - MARGIN_MS < moment;
}
