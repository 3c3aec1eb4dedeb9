import type { IncomingHttpHeaders } from 'node:http';
import { formatDuration, parseDuration } from '../../../config/duration.ts';
import { HOUR } from '../../units.ts';
import type { GroupingKey } from '../../workers/messages.ts';
import { RequestError } from '../errors.ts';

/** One of `expiration_rules`: groups that it matches live so long. */
export interface ExpirationRule {
  readonly selector: { matches(labels: ReadonlyMap<string, string>): boolean };
  /** 0: for ever. */
  readonly ttlMs: number;
}

export interface TtlDefaults {
  /** `redis.expiration`. 0: for ever. */
  readonly expirationMs: number;
  /** `push.max_ttl`: the longest that a push may ask for. 0: no bound. */
  readonly maxTtlMs: number;
  /** The first that matches wins. */
  readonly rules: readonly ExpirationRule[];
  /** Undefined, for a push to no group: no rule matches. */
  readonly group?: GroupingKey | undefined;
}

/** As for `redis.expiration`. */
const LONGEST_MS = 876_000 * HOUR;

export const TTL_HEADER = 'x-pushgateway-ttl';

/**
 * How long what is pushed lives, ms; 0: for ever. What the push asks for, `?ttl=` before the header, within the bound;
 * else what the operator has set for its group. The bound is for what is asked, not for what is set.
 */
export function pushTtl(query: URLSearchParams, headers: IncomingHttpHeaders, defaults: TtlDefaults): number {
  const asked = query.get('ttl');
  if (asked !== null) return bounded(asked, 'the parameter ttl', defaults.maxTtlMs);
  const header = headers[TTL_HEADER];
  if (header !== undefined) return bounded(String(header), 'the header X-Pushgateway-TTL', defaults.maxTtlMs);
  if (defaults.group !== undefined && defaults.rules.length > 0) {
    const labels = new Map(defaults.group);
    const rule = defaults.rules.find(({ selector }) => selector.matches(labels));
    if (rule !== undefined) return rule.ttlMs;
  }
  return defaults.expirationMs;
}

function bounded(text: string, where: string, maxTtlMs: number): number {
  const ttlMs = parseDuration(text.trim());
  if (ttlMs === undefined || ttlMs > LONGEST_MS) {
    const given = JSON.stringify(text.slice(0, 40));
    const bound = maxTtlMs === 0 ? '' : `, at most ${formatDuration(maxTtlMs)} (push.max_ttl)`;
    throw new RequestError(
      'ERR_BAD_TTL',
      `${where} is ${given}, but must be a duration such as 90s or 26h, of 876000h at most, or 0 for ever${bound}`,
    );
  }
  if (maxTtlMs === 0) return ttlMs;
  return ttlMs === 0 ? maxTtlMs : Math.min(ttlMs, maxTtlMs);
}
