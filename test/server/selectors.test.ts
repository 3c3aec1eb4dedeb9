import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSelector, SelectorError } from '../../src/server/selectors.ts';

const SERIES = new Map([
  ['__name__', 'http_requests_total'],
  ['job', 'api'],
  ['path', '/a\n"b"\\'],
  ['ünï', 'é'],
]);

const MATCHING = [
  'http_requests_total',
  ' http_requests_total { } ',
  '{__name__="http_requests_total"}',
  '{"http_requests_total"}',
  '{"http_requests_total", job="api",}',
  'http_requests_total{job="api"}',
  "http_requests_total{job='api'}",
  'http_requests_total{job=`api`}',
  '{job=~"a.i"}',
  '{job=~"web|api"}',
  '{job!~"ap",job!=""}',
  '{job!="web",job=~".+"}',
  '{job="api",missing=""}',
  '{job="api",missing!="x"}',
  '{job="api",missing=~".*"}',
  '{job="api",missing=~"x?"}',
  '{job="api" # and a comment\n}',
  '{path=~"/a.+"}',
  String.raw`{path="/a\n\"b\"\\"}`,
  String.raw`{path='/a\n\x22b\042\u005c'}`,
  String.raw`{"ünï"="\xc3\xa9"}`,
  String.raw`{"ünï"=~"\\p{L}"}`,
  '{__name__=~"http_.*",__name__!~".*_sum"}',
];

test('selectors that mean the series', () => {
  for (const text of MATCHING) assert.equal(parseSelector(text).matches(SERIES), true, text);
});

const OTHERS = [
  'http_requests',
  '{__name__="http_requests_total",job!="api"}',
  '{job=~"ap"}',
  '{job=~"pi"}',
  '{job!~"a.*",job!=""}',
  '{missing="x"}',
  '{missing!=""}',
  '{missing=~".+"}',
  '{job="api",path=~"/a"}',
  '{job=~"API"}',
];

test('selectors that do not', () => {
  for (const text of OTHERS) assert.equal(parseSelector(text).matches(SERIES), false, text);
});

test('the flags of a pattern are its own', () => {
  assert.equal(parseSelector('{job=~"(?i)API"}').matches(SERIES), true);
});

const WRONG: ReadonlyArray<readonly [string, RegExp]> = [
  ['', /it ends where a metric name or an opening brace should be/],
  ['{}', /would match whatever there is/],
  ['{a=""}', /would match whatever there is/],
  ['{a=~".*"}', /would match whatever there is/],
  ['{a!="x"}', /would match whatever there is/],
  ['{a="b"', /it ends where a comma or a closing brace should be/],
  ['{a}', /where one of = != =~ !~ should be/],
  ['{a=b}', /where a value in quotes should be/],
  ['{a=="b"}', /where a value in quotes should be/],
  ['{,}', /where a label name should be/],
  ['{a="b",,}', /where a label name should be/],
  ['{a="b" c="d"}', /where a comma or a closing brace should be/],
  ['{0a="b"}', /where a label name should be/],
  ['x{a="b"}[5m]', /there is "\[5m\]" where the end should be/],
  ['x offset 5m', /where the end should be/],
  ['{a="b}', /a string that does not end/],
  ['{a="b\nc"}', /a string that does not end/],
  ['{a=`b}', /a string that does not end/],
  ['{a="\\d"}', /unknown escape/],
  ['{a=~"("}', /"\(" is not a regular expression: missing closing \)/],
  ['{a=~"(?=b)"}', /is not a regular expression/],
  ['{a=~"(a{1000}){1000}"}', /is not a regular expression/],
  [`{a=~"${'a{1000}'.repeat(10)}"}`, /is too large/],
  [`{a=~"${'a'.repeat(1025)}"}`, /longer than 1024 characters/],
  [`{a="${'a'.repeat(9000)}"}`, /longer than 8192 characters/],
  ['x{"y"}', /two metric names/],
];

test('what is not a selector is told why', () => {
  for (const [text, message] of WRONG) {
    assert.throws(
      () => parseSelector(text),
      (error) => error instanceof SelectorError && message.test(error.message),
      text,
    );
  }
});

test('a pattern that a backtracking engine would not get through', () => {
  const labels = new Map([['a', 'a'.repeat(20_000)]]);
  assert.equal(parseSelector('{a=~"(a+)+b"}').matches(labels), false);
  assert.equal(parseSelector('{a=~"(a|aa)+"}').matches(labels), true);
});

test('whether a metric name may be meant', () => {
  assert.equal(parseSelector('x{a="b"}').matchesName('x'), true);
  assert.equal(parseSelector('x{a="b"}').matchesName('y'), false);
  assert.equal(parseSelector('{__name__=~"x.*",a="b"}').matchesName('xy'), true);
  assert.equal(parseSelector('{__name__=~"x.*",a="b"}').matchesName('y'), false);
  assert.equal(parseSelector('{a="b"}').matchesName('y'), true);
});
