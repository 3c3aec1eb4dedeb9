import { type Case, del, put, refusedAs, type Section, stored } from '../case.ts';

const J = 'instance="",job="j"';
const odd = (rest: string): Case['expect'] => [
  refusedAs(`odd number of components in label string "${rest}"`),
];

const plain: Case[] = [
  { name: 'a job', requests: [put('/metrics/job/j')], expect: [200], scrape: stored(J) },
  {
    name: 'a job and a slash are the same group',
    requests: [put('/metrics/job/j/')],
    expect: [200],
    scrape: stored(J),
  },
  {
    name: 'a label without a value',
    requests: [put('/metrics/job/j/a')],
    expect: odd('/a'),
    scrape: [],
  },
  {
    name: 'two labels, the last without a value',
    requests: [put('/metrics/job/j/a/b/c')],
    expect: odd('/a/b/c'),
    scrape: [],
  },
  {
    name: 'a slash after a label is its empty value',
    requests: [put('/metrics/job/j/a/')],
    expect: [200],
    scrape: stored('a="",instance="",job="j"'),
  },
  {
    name: 'a slash after a value',
    requests: [put('/metrics/job/j/a/b/')],
    expect: odd('/a/b/'),
    scrape: [],
  },
  {
    name: 'two labels',
    requests: [put('/metrics/job/j/a/b/c/d')],
    expect: [200],
    scrape: stored('a="b",c="d",instance="",job="j"'),
  },
  {
    name: 'the order of labels does not matter',
    requests: [put('/metrics/job/j/b/2/a/1'), put('/metrics/job/j/a/1/b/2')],
    expect: [200, 200],
    scrape: stored('a="1",b="2",instance="",job="j"'),
  },
  {
    name: 'instance in the key',
    requests: [put('/metrics/job/j/instance/i')],
    expect: [200],
    scrape: stored('instance="i",job="j"'),
  },
  {
    name: 'with and without a label, and with an empty one, are three groups',
    requests: [put('/metrics/job/j'), put('/metrics/job/j/a/b'), put('/metrics/job/j/a/')],
    expect: [200, 200, 200],
    scrape: [...stored(J), ...stored('a="b",instance="",job="j"'), ...stored('a="",instance="",job="j"')],
  },
  {
    name: 'a doubled slash before a label',
    requests: [put('/metrics/job/j//a/b')],
    expect: [{ status: 301, headers: { location: '/metrics/job/j/a/b' } }],
    scrape: [],
    ours: { why: 'empty-segment', expect: [400] },
  },
  {
    name: 'a doubled slash after a label, as prom-client writes an empty value',
    requests: [put('/metrics/job/j/a//b/c')],
    expect: [{ status: 301, headers: { location: '/metrics/job/j/a/b/c' } }],
    scrape: [],
    ours: { why: 'empty-segment', expect: [200], scrape: stored('a="",b="c",instance="",job="j"') },
  },
  {
    name: 'a doubled slash at the front',
    requests: [put('//metrics/job/j')],
    expect: [{ status: 301, headers: { location: '/metrics/job/j' } }],
    scrape: [],
    ours: { why: 'slash-in-front', expect: [200], scrape: stored(J) },
  },
  {
    name: 'two dots as a value',
    requests: [put('/metrics/job/j/a/../b/c')],
    expect: [301],
    scrape: [],
    ours: { why: 'dots', expect: [200], scrape: stored('a="..",b="c",instance="",job="j"') },
  },
  {
    name: 'a dot as a value',
    requests: [put('/metrics/job/j/a/./b/c')],
    expect: [301],
    scrape: [],
    ours: { why: 'dots', expect: [200], scrape: stored('a=".",b="c",instance="",job="j"') },
  },
  { name: 'no job', requests: [put('/metrics/job'), put('/metrics/')], expect: [404, 404], scrape: [] },
  {
    name: 'an empty job',
    requests: [put('/metrics/job/')],
    expect: [{ status: 307, headers: { location: '/metrics/job' } }],
    scrape: [],
    ours: { why: 'no-redirects', expect: [404] },
  },
  {
    name: 'the path of scrapes',
    requests: [put('/metrics'), { method: 'POST', path: '/metrics' }],
    expect: [405, 405],
    scrape: [],
  },
  {
    name: 'upper case in the fixed parts',
    requests: [put('/Metrics/job/j'), put('/METRICS/JOB/J')],
    expect: [
      { status: 307, headers: { location: '/metrics/job/j' } },
      { status: 307, headers: { location: '/metrics/job/J' } },
    ],
    scrape: [],
    ours: { why: 'no-redirects', expect: [404, 404] },
  },
  {
    name: 'another word than job',
    requests: [put('/metrics/jobs/x'), put('/metrics/x/job/j')],
    expect: [404, 404],
    scrape: [],
  },
  {
    name: 'a query string is ignored',
    requests: [put('/metrics/job/j?a=b&c')],
    expect: [200],
    scrape: stored(J),
  },
  {
    name: 'a query string that means something here',
    requests: [put('/metrics/job/j?ttl=soon'), put('/metrics/job/j?mode=merge')],
    expect: [200, 200],
    scrape: stored(J),
    ours: { why: 'query-parameters', expect: [400, 400], scrape: [] },
  },
  { name: 'a broken escape', requests: [put('/metrics/job/j/a/%zz')], expect: [400], scrape: [] },
  { name: 'half an escape', requests: [put('/metrics/job/j/a/%2')], expect: [400], scrape: [] },
  {
    name: 'the leading job wins',
    requests: [put('/metrics/job/j/job/other')],
    expect: [200],
    scrape: stored(J),
  },
  {
    name: 'of two values of a label the last wins',
    requests: [put('/metrics/job/j/a/1/a/2')],
    expect: [200],
    scrape: stored('a="2",instance="",job="j"'),
  },
  {
    name: 'of two values in different spellings too',
    requests: [put('/metrics/job/j/a/1/a@base64/Mg')],
    expect: [200],
    scrape: stored('a="2",instance="",job="j"'),
  },
  {
    name: 'a plus stays a plus: client_golang and client_java write one for a blank',
    requests: [put('/metrics/job/j/a/b+c')],
    expect: [200],
    scrape: stored('a="b+c",instance="",job="j"'),
  },
  {
    name: 'an escaped slash',
    requests: [put('/metrics/job/j/a/b%2Fc')],
    expect: odd('/a/b/c'),
    scrape: [],
    ours: { why: 'escaped-slash', expect: [200], scrape: stored('a="b/c",instance="",job="j"') },
  },
  {
    name: 'an escaped slash in the job',
    requests: [put('/metrics/job/a%2Fb%2Fc')],
    expect: [200],
    scrape: stored('b="c",instance="",job="a"'),
    ours: { why: 'escaped-slash', scrape: stored('instance="",job="a/b/c"') },
  },
  {
    name: 'a long value',
    requests: [put(`/metrics/job/j/a/${'v'.repeat(12_000)}`)],
    expect: [200],
    scrape: stored(`a="${'v'.repeat(12_000)}",instance="",job="j"`),
  },
  {
    name: 'letters outside ASCII, not escaped',
    requests: [put('/metrics/job/j/a/Πé')],
    expect: [200],
    scrape: stored('a="Πé",instance="",job="j"'),
    ours: { why: 'raw-utf8-path', expect: [400], scrape: [] },
  },
];

const escapes: Case[] = (
  [
    ['%20', ' '],
    ['%CE%A0', 'Π'],
    ['%0A', '\\n'],
    ['%22', '\\"'],
    ['%5C', '\\\\'],
    ['%3F', '?'],
    ['%23', '#'],
    ['%2525', '%25'],
    ['%25zz', '%zz'],
    ['%00', '\0'],
    ['%2B', '+'],
    ['%40', '@'],
    ['b:c=d,e', 'b:c=d,e'],
    ['a@b', 'a@b'],
  ] as const
).flatMap(([written, value]) => [
  {
    name: `${written} in a value`,
    requests: [put(`/metrics/job/j/a/x${written}`)],
    expect: [200],
    scrape: stored(`a="x${value}",instance="",job="j"`),
  },
  {
    name: `${written} in a job`,
    requests: [put(`/metrics/job/x${written}`)],
    expect: [200],
    scrape: stored(`instance="",job="x${value}"`),
  },
]);

const badNames: Case[] = [
  ...['0a', 'a-b', 'a%2Eb', 'a.b', 'a%20b', '%CE%A0'].map((name) => ({
    name: `the label name ${name}`,
    requests: [put(`/metrics/job/j/${name}/v`)],
    expect: [refusedAs(`improper label name "${decodeURIComponent(name)}"`)],
    scrape: [],
    ours: {
      why: 'utf8-names',
      expect: [200],
      scrape: [
        name === '%CE%A0'
          ? 'm{instance="",job="j","Π"="v"} 1'
          : `m{"${decodeURIComponent(name)}"="v",instance="",job="j"} 1`,
      ],
    },
  })),
  {
    name: 'a label name with a colon',
    requests: [put('/metrics/job/j/a:b/v')],
    expect: [refusedAs('improper label name "a:b"')],
    scrape: [],
    ours: { why: 'utf8-names', expect: [200], scrape: ['m{"a:b"="v",instance="",job="j"} 1'] },
  },
  ...['__a', '__name__', '__x__'].map((name) => ({
    name: `the reserved label name ${name}`,
    requests: [put(`/metrics/job/j/${name}/v`)],
    expect: [refusedAs(`improper label name "${name}"`)],
    scrape: [],
  })),
  {
    name: 'a reserved label name in an escaped spelling',
    requests: [put('/metrics/job/j/%5F%5Fa/v')],
    expect: [refusedAs('improper label name "__a"')],
    scrape: [],
  },
  {
    name: 'DELETE looks at the names as well',
    requests: [del('/metrics/job/j/__a/v'), del('/metrics/job/j/a')],
    expect: [
      refusedAs('improper label name "__a"'),
      refusedAs('odd number of components in label string "/a"'),
    ],
  },
  {
    name: 'names with one underscore, digits and upper case',
    requests: [put('/metrics/job/j/_A9/v')],
    expect: [200],
    scrape: stored('_A9="v",instance="",job="j"'),
  },
];

export const URL_GRAMMAR: Section = {
  title: 'A.2 URL grammar',
  cases: [...plain, ...escapes, ...badNames],
};
