import { type Case, del, get, post, put, refused, type Section, stored } from '../case.ts';

const J = 'instance="",job="j"';
const I = 'instance="",job="i"';
const CHECK = 'pushed metrics are invalid or inconsistent with existing metrics: ';
const HISTOGRAM = '# TYPE x histogram\nx_bucket{le="1"} 1\nx_bucket{le="+Inf"} 2\nx_sum 3\nx_count 2\n';
const COLLISION = 'collides with previously collected';
const histogramLines = (labels: string): string[] => [
  `x_bucket{${labels},le="1"} 1`,
  `x_bucket{${labels},le="+Inf"} 2`,
  `x_sum{${labels}} 3`,
  `x_count{${labels}} 2`,
];
const REFUSED = [`group {${J}} refused`];

function rejected(reason: string): ReturnType<typeof refused> {
  const escaped = reason.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return { ...refused(new RegExp(`^${CHECK}.*${escaped}`, 's')), body: new RegExp(escaped) };
}

const withinOnePush: Case[] = [
  {
    name: 'a timestamp',
    requests: [put('/metrics/job/j', 'm 1 1700000000000\n')],
    expect: [refused(`${CHECK}pushed metrics must not have timestamps`)],
    scrape: REFUSED,
  },
  {
    name: 'a series twice',
    requests: [put('/metrics/job/j', 'm{a="1"} 1\nm{a="1"} 2\n')],
    expect: [rejected('was collected before with the same name and label values')],
    scrape: REFUSED,
  },
  {
    name: 'a series twice with the same value',
    requests: [put('/metrics/job/j', 'm 1\nm 1\n')],
    expect: [rejected('was collected before with the same name and label values')],
    scrape: REFUSED,
  },
  {
    name: 'series that become one by the labels of the group',
    requests: [put('/metrics/job/j/a/b', 'm{a="1"} 1\nm{a="2"} 2\n')],
    expect: [rejected('was collected before with the same name and label values')],
    scrape: [`group {a="b",${J}} refused`],
  },
  {
    name: 'series that become one by an empty instance',
    requests: [put('/metrics/job/j', 'm 1\nm{instance=""} 2\n')],
    expect: [rejected('was collected before with the same name and label values')],
    scrape: REFUSED,
  },
  {
    name: 'series that differ by an empty label are two',
    requests: [put('/metrics/job/j', 'm 1\nm{a=""} 2\n')],
    expect: [200],
    scrape: [`m{${J}} 1`, `m{a="",${J}} 2`],
    ours: { why: 'empty-label-twins' },
  },
  {
    name: 'a histogram and a counter with the name of its count',
    requests: [
      put('/metrics/job/j', HISTOGRAM),
      post('/metrics/job/j', '# TYPE x_count counter\nx_count 1\n'),
    ],
    expect: [200, rejected(COLLISION)],
    scrape: [...histogramLines(J), `group {${J}} failed`],
  },
  {
    name: 'a label in the body that is reserved',
    requests: [put('/metrics/job/j', 'm{__a="1"} 1\n')],
    expect: [rejected('has a label with an invalid name: __a')],
    scrape: REFUSED,
  },
  {
    name: 'a summary in a group with the label quantile',
    requests: [put('/metrics/job/j/quantile/x', '# TYPE s summary\ns_sum 1\ns_count 1\n')],
    expect: [rejected('must not have an explicit "quantile" label')],
    scrape: [`group {${J},quantile="x"} refused`],
  },
  {
    name: 'a histogram in a group with the label le',
    requests: [put('/metrics/job/j/le/x', HISTOGRAM), get('/metrics')],
    expect: [200, { status: 200, body: /^x_bucket\{instance="",job="j",le="x",le="1"\} 1$/m }],
    ours: {
      why: 'le-in-the-key',
      expect: [400, 200],
      scrape: ['group {instance="",job="j",le="x"} refused'],
    },
  },
];

const betweenGroups: Case[] = [
  {
    name: 'a series that another group has',
    requests: [put('/metrics/job/j', 'm{a="b"} 1\n'), put('/metrics/job/j/a/b', 'm 2\n')],
    expect: [200, rejected('was collected before with the same name and label values')],
    scrape: [`m{a="b",${J}} 1`, `group {${J}} ok`, `group {a="b",${J}} refused`],
  },
  {
    name: 'the other way round',
    requests: [put('/metrics/job/j/a/b', 'm 2\n'), put('/metrics/job/j', 'm{a="b"} 1\nn 1\n')],
    expect: [200, rejected('was collected before with the same name and label values')],
    scrape: [`m{a="b",${J}} 2`, `group {a="b",${J}} ok`, `group {${J}} refused`],
  },
  {
    name: 'another type in another group',
    requests: [
      put('/metrics/job/i', '# TYPE m counter\nm 1\n'),
      put('/metrics/job/j', '# TYPE m gauge\nm 1\n'),
    ],
    expect: [200, rejected('')],
    scrape: [`m{${I}} 1`, `group {${I}} ok`, `group {${J}} refused`, '# TYPE m counter'],
  },
  {
    name: 'no type is a type',
    requests: [put('/metrics/job/i', '# TYPE m counter\nm 1\n'), put('/metrics/job/j', 'm 1\n')],
    expect: [200, rejected('')],
    scrape: [`m{${I}} 1`, `group {${I}} ok`, `group {${J}} refused`],
  },
  {
    name: 'untyped and no type are the same',
    requests: [put('/metrics/job/i', '# TYPE m untyped\nm 1\n'), put('/metrics/job/j', 'm 1\n')],
    expect: [200, 200],
    scrape: [`m{${I}} 1`, `m{${J}} 1`, '# TYPE m untyped'],
  },
  {
    name: 'a refused push leaves the families of the group alone, and its POST too',
    requests: [
      put('/metrics/job/i', '# TYPE m counter\nm 1\n'),
      put('/metrics/job/j', 'a 1\n'),
      put('/metrics/job/j', 'b 1\n# TYPE m gauge\nm 1\n'),
      post('/metrics/job/j', 'a 2\n# TYPE m gauge\nm 1\n'),
    ],
    expect: [200, 200, 400, 400],
    scrape: [`m{${I}} 1`, `a{${J}} 1`, `group {${I}} ok`, `group {${J}} failed`],
  },
  {
    name: 'a refused PUT of one family leaves the others of the group alone',
    requests: [
      put('/metrics/job/i', '# TYPE m counter\nm 1\n'),
      put('/metrics/job/j', 'a 1\n'),
      put('/metrics/job/j', '# TYPE m gauge\nm 1\n'),
    ],
    expect: [200, 200, 400],
    scrape: [`m{${I}} 1`, `a{${J}} 1`, `group {${I}} ok`, `group {${J}} failed`],
  },
  {
    name: 'another type once the other group is gone',
    requests: [
      put('/metrics/job/i', '# TYPE m counter\nm 1\n'),
      del('/metrics/job/i'),
      put('/metrics/job/j', '# TYPE m gauge\nm 1\n'),
    ],
    expect: [200, 202, 200],
    scrape: [`m{${J}} 1`, '# TYPE m gauge'],
  },
  {
    name: 'another type once the other group has the family no more',
    requests: [
      put('/metrics/job/i', '# TYPE m counter\nm 1\n'),
      put('/metrics/job/i', 'n 1\n'),
      put('/metrics/job/j', '# TYPE m gauge\nm 1\n'),
    ],
    expect: [200, 200, 200],
    scrape: [`n{${I}} 1`, `m{${J}} 1`, '# TYPE m gauge'],
  },
  ...(
    [
      [
        'a histogram, then a counter with the name of its count',
        HISTOGRAM,
        '# TYPE x_count counter\nx_count 1\n',
        histogramLines(I),
      ],
      [
        'a histogram, then an untyped series with the name of its sum',
        HISTOGRAM,
        'x_sum 1\n',
        histogramLines(I),
      ],
      [
        'a histogram, then a gauge with the name of its buckets',
        HISTOGRAM,
        '# TYPE x_bucket gauge\nx_bucket 1\n',
        histogramLines(I),
      ],
      [
        'a counter, then a histogram whose count has its name',
        '# TYPE x_count counter\nx_count 1\n',
        HISTOGRAM,
        [`x_count{${I}} 1`],
      ],
      [
        'a gauge, then a histogram whose buckets have its name',
        '# TYPE x_bucket gauge\nx_bucket 1\n',
        HISTOGRAM,
        [`x_bucket{${I}} 1`],
      ],
      [
        'a counter, then a summary whose count has its name',
        '# TYPE s_count counter\ns_count 1\n',
        '# TYPE s summary\ns_sum 1\ns_count 1\n',
        [`s_count{${I}} 1`],
      ],
      [
        'a summary, then a gauge with the name of its sum',
        '# TYPE s summary\ns_sum 1\ns_count 1\n',
        '# TYPE s_sum gauge\ns_sum 1\n',
        [`s_sum{${I}} 1`, `s_count{${I}} 1`],
      ],
    ] as const
  ).map(([name, first, second, shown]) => ({
    name,
    requests: [put('/metrics/job/i', first), put('/metrics/job/j', second)],
    expect: [200, rejected(COLLISION)],
    scrape: [...shown, `group {${I}} ok`, `group {${J}} refused`],
  })),
  {
    name: 'a summary beside a gauge with the name that buckets would have',
    requests: [
      put('/metrics/job/i', '# TYPE s summary\ns_sum 1\ns_count 1\n'),
      put('/metrics/job/j', 's_bucket 1\n'),
    ],
    expect: [200, 200],
    scrape: [`s_sum{${I}} 1`, `s_count{${I}} 1`, `s_bucket{${J}} 1`],
  },
];

const tolerated: Case[] = [
  {
    name: 'another HELP in another group',
    requests: [put('/metrics/job/i', '# HELP m One.\nm 1\n'), put('/metrics/job/j', '# HELP m Two.\nm 1\n')],
    expect: [200, 200],
    scrape: [`m{${I}} 1`, `m{${J}} 1`],
  },
  {
    name: 'another type of a family that no other group has',
    requests: [
      put('/metrics/job/j', '# TYPE m counter\nm 1\n'),
      put('/metrics/job/j', '# TYPE m gauge\nm 2\n'),
    ],
    expect: [200, 200],
    scrape: [`m{${J}} 2`, '# TYPE m gauge'],
  },
  {
    name: 'and by POST',
    requests: [
      post('/metrics/job/j', '# TYPE m counter\nm 1\n'),
      post('/metrics/job/j', '# TYPE m histogram\nm_bucket{le="+Inf"} 1\nm_sum 1\nm_count 1\n'),
    ],
    expect: [200, 200],
    scrape: [`m_bucket{${J},le="+Inf"} 1`, `m_sum{${J}} 1`, `m_count{${J}} 1`, '# TYPE m histogram'],
  },
  {
    name: 'buckets that do not rise',
    requests: [
      put(
        '/metrics/job/j',
        '# TYPE h histogram\nh_bucket{le="1"} 5\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 4\nh_sum 1\nh_count 4\n',
      ),
    ],
    expect: [200],
    scrape: [
      `h_bucket{${J},le="1"} 5`,
      `h_bucket{${J},le="2"} 3`,
      `h_bucket{${J},le="+Inf"} 4`,
      `h_sum{${J}} 1`,
      `h_count{${J}} 4`,
    ],
  },
  {
    name: 'buckets out of order',
    requests: [
      put(
        '/metrics/job/j',
        '# TYPE h histogram\nh_count 4\nh_bucket{le="+Inf"} 4\nh_bucket{le="2"} 3\nh_bucket{le="1"} 2\nh_sum 1\n',
      ),
    ],
    expect: [200],
    scrape: [
      `h_bucket{${J},le="1"} 2`,
      `h_bucket{${J},le="2"} 3`,
      `h_bucket{${J},le="+Inf"} 4`,
      `h_sum{${J}} 1`,
      `h_count{${J}} 4`,
    ],
  },
  {
    name: 'PUT of a counter with the name of the count of a histogram that the group had',
    requests: [
      put('/metrics/job/j', HISTOGRAM),
      put('/metrics/job/j', '# TYPE x_count counter\nx_count 7\n'),
    ],
    expect: [200, 200],
    scrape: [`x_count{${J}} 7`, `group {${J}} ok`],
  },
  {
    name: 'and with other families beside it',
    requests: [
      put('/metrics/job/j', `${HISTOGRAM}a 1\n`),
      put('/metrics/job/j', '# TYPE x_count counter\nx_count 7\nb 1\nc 1\n'),
    ],
    expect: [200, 200],
    scrape: [`x_count{${J}} 7`, `b{${J}} 1`, `c{${J}} 1`, `group {${J}} ok`],
  },
  {
    name: 'a negative counter',
    requests: [put('/metrics/job/j', '# TYPE c counter\nc -1\n')],
    expect: [200],
    scrape: [`c{${J}} -1`],
  },
  {
    name: 'a bucket twice',
    requests: [
      put(
        '/metrics/job/j',
        '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1.0"} 2\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n',
      ),
    ],
    expect: [200],
  },
  {
    name: 'a type that the gateway itself has otherwise',
    requests: [put('/metrics/job/j', '# TYPE go_goroutines counter\ngo_goroutines 1\n')],
    expect: [rejected('gathered metric family go_goroutines has type COUNTER but should have GAUGE')],
    scrape: REFUSED,
    ours: { why: 'own-metrics', expect: [200], scrape: [`group {${J}} ok`] },
  },
  {
    name: 'a family that the gateway itself has',
    requests: [
      put('/metrics/job/j', '# HELP go_goroutines Mine.\n# TYPE go_goroutines gauge\ngo_goroutines 1\n'),
    ],
    expect: [200],
    scrape: [`group {${J}} ok`],
  },
];

const poison: Case[] = [
  {
    name: 'a key that is not UTF-8 does not end pushes to other groups',
    requests: [put('/metrics/job/j/a@base64/_w'), put('/metrics/job/i'), get('/metrics'), get('/-/healthy')],
    expect: [400, 400, 500, 200],
    ours: { why: 'invalid-utf8-key', expect: [400, 200, 200, 200], scrape: stored(I) },
  },
  {
    name: 'an empty instance beside none does not end pushes to other groups',
    requests: [
      put('/metrics/job/j'),
      put('/metrics/job/j/instance/', 'n 1\n'),
      put('/metrics/job/i'),
      get('/metrics'),
    ],
    expect: [200, 400, 400, 500],
    ours: {
      why: 'empty-instance',
      expect: [200, 200, 200, 200],
      scrape: [`n{${J}} 1`, ...stored(J), ...stored(I)],
    },
  },
  {
    name: 'the official gateway recovers once the group is deleted',
    requests: [put('/metrics/job/j/a/%FF'), del('/metrics/job/j/a/%FF'), put('/metrics/job/i')],
    expect: [400, 202, 200],
    scrape: stored(I),
    ours: { why: 'invalid-utf8-key', expect: [400, 400, 200] },
  },
  {
    name: 'a group label in the escaped spelling of a reserved name',
    requests: [put('/metrics/job/j/U___5f__5f_x/v')],
    expect: [200],
    scrape: stored('U___5f__5f_x="v",instance="",job="j"'),
    ours: { why: 'utf8-names', expect: [400], scrape: [] },
  },
];

export const CONSISTENCY: Section = {
  title: 'A.6 consistency',
  cases: [...withinOnePush, ...betweenGroups, ...tolerated, ...poison],
};
