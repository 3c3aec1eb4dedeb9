import { type Case, get, put, refused, type Section } from '../case.ts';

const J = 'instance="",job="j"';
/** In later versions they are turned on by --push.enable-utf8-names; ours has them at all times. */
const SINCE = 'names in UTF-8 came with 1.11.0';
const QUOTED = '# TYPE "my.metric" gauge\n{"my.metric","a.b"="c"} 1\n';

const rows: Case[] = [
  {
    name: 'quoted names in a body',
    requests: [put('/metrics/job/j', QUOTED)],
    expect: [200],
    scrape: [`{"my.metric","a.b"="c",${J}} 1`, '# TYPE "my.metric" gauge'],
  },
  {
    name: 'a quoted label name beside a classic metric name',
    requests: [put('/metrics/job/j', 'm{"a b"="c"} 1\n')],
    expect: [200],
    scrape: [`m{"a b"="c",${J}} 1`],
  },
  {
    name: 'quotes around a classic name',
    requests: [put('/metrics/job/j', '{"m","a"="b"} 1\n')],
    expect: [200],
    scrape: [`m{a="b",${J}} 1`],
  },
  {
    name: 'an escaped name in the URL',
    requests: [put('/metrics/job/j/U__foo_2e_bar/v')],
    expect: [200],
    scrape: [`m{"foo.bar"="v",${J}} 1`],
  },
  {
    name: 'an escaped name in the URL, in base64',
    requests: [put('/metrics/job/j/U__foo_2e_bar@base64/Mg')],
    expect: [200],
    scrape: [`m{"foo.bar"="2",${J}} 1`],
  },
  {
    name: 'an underscore is doubled',
    requests: [put('/metrics/job/j/U__a__b_2e_c/v')],
    expect: [200],
    scrape: [`m{"a_b.c"="v",${J}} 1`],
  },
  {
    name: 'a code point beyond ASCII',
    requests: [put('/metrics/job/j/U___3a0_/v')],
    expect: [200],
    scrape: [`m{${J},"Π"="v"} 1`],
  },
  {
    name: 'an escaped name that is classic',
    requests: [put('/metrics/job/j/U__abc/v')],
    expect: [200],
    scrape: [`m{abc="v",${J}} 1`],
  },
  {
    name: 'a broken escape leaves the name as it is',
    requests: [put('/metrics/job/j/U__a_zz_/v')],
    expect: [200],
    scrape: [`m{U__a_zz_="v",${J}} 1`],
  },
  {
    name: 'names that are refused',
    requests: [
      put('/metrics/job/j/U__/v'),
      put('/metrics/job/j/__x/v'),
      put('/metrics/job/j/U___5f__5f_x/v'),
    ],
    expect: [refused(/./), refused(/./), refused(/./)],
    scrape: [],
  },
  ...(
    [
      ['underscores', /^my_metric\{a_b="c",instance="",job="j"\} 1$/m],
      ['dots', /^my_dot_metric\{a_dot_b="c",instance="",job="j"\} 1$/m],
      ['values', /^U__my_2e_metric\{U__a_2e_b="c",instance="",job="j"\} 1$/m],
      ['allow-utf-8', /^\{"my\.metric","a\.b"="c",instance="",job="j"\} 1$/m],
    ] as const
  ).map(
    ([scheme, line]): Case => ({
      name: `a scrape that asks for escaping=${scheme}`,
      requests: [
        put('/metrics/job/j', QUOTED),
        get('/metrics', {
          Accept: `text/plain;version=${scheme === 'allow-utf-8' ? '1.0.0' : '0.0.4'};escaping=${scheme}`,
        }),
      ],
      expect: [
        200,
        { status: 200, body: line, headers: { 'content-type': new RegExp(`escaping=${scheme}`) } },
      ],
    }),
  ),
];

export const UTF8_NAMES: Section = {
  title: 'A.11 UTF-8 names',
  cases: rows.map((row) => ({ ...row, skipOfficial: SINCE, ours: { why: 'utf8-names' } })),
};
