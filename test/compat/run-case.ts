import assert from 'node:assert/strict';
import type { Case, Expectation, Outcome } from './case.ts';
import { assertScrape } from './pushed-series.ts';
import { exchange, type RawAnswer } from './raw-exchange.ts';
import { IS_OFFICIAL, type Target } from './target.ts';

/** Names as they are, where the gateway knows such names at all. */
const AS_STORED = { Accept: 'text/plain;version=1.0.0;escaping=allow-utf-8,*/*;q=0.1' };

/** Runs one row of the table against a target that holds nothing. */
export async function runCase(target: Target, row: Case, prefix = ''): Promise<void> {
  const since = Date.now() / 1000;
  const outcome: Outcome = IS_OFFICIAL ? row : { ...row, ...row.ours };
  assert.equal(outcome.expect.length, row.requests.length, 'one expectation for each request');
  for (const [i, request] of row.requests.entries()) {
    const answer = await exchange(target.port, request);
    const expected = outcome.expect[i];
    assertAnswer(
      answer,
      typeof expected === 'number' ? { status: expected } : expected,
      `${request.method} ${request.path}`,
    );
  }
  if (outcome.scrape === undefined) return;
  const scrape = await exchange(target.port, {
    method: 'GET',
    path: `${prefix}/metrics`,
    headers: AS_STORED,
  });
  if (outcome.scrape === 'broken') {
    assert.equal(scrape.status, 500);
    assert.match(scrape.body.toString(), /^An error has occurred while serving metrics:/);
  } else {
    assert.equal(scrape.status, 200, scrape.body.toString());
    assertScrape(scrape.body.toString(), outcome.scrape, since);
  }
}

function assertAnswer(answer: RawAnswer, expected: Expectation, what: string): void {
  const body = answer.body.toString();
  assert.equal(answer.status, expected.status, `${what}: ${body}`);
  if (expected.status === 400 && expected.body === undefined) assertIsReason(answer);
  if (expected.body instanceof RegExp) assert.match(body, expected.body);
  else if (expected.body !== undefined) assert.equal(body, expected.body);
  if (expected.reason !== undefined && IS_OFFICIAL) {
    if (expected.reason instanceof RegExp) assert.match(body, expected.reason);
    else assert.equal(body, `${expected.reason}\n`);
  }
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    const shown = answer.headers[name];
    if (value instanceof RegExp) assert.match(shown ?? '', value, `${name}: ${shown}`);
    else assert.equal(shown ?? null, value, name);
  }
  expected.check?.(answer);
}

/** Plain text for whoever sent it: clients show it to their users. */
function assertIsReason({ headers, body }: RawAnswer): void {
  if (headers['connection'] === 'close' && headers['x-content-type-options'] === undefined) {
    // Refused below the API, as no HTTP at all.
    return;
  }
  assert.match(headers['content-type'], /^text\/plain; charset=utf-8$/i);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(body.toString(), /^\S[\s\S]*\n$/);
}
