import {
  type Case,
  del,
  type Expectation,
  get,
  of,
  post,
  put,
  refused,
  type Section,
  stored,
} from '../case.ts';

const J = 'instance="",job="j"';
const OK = `group {${J}} ok`;
const PUSHED: Expectation = {
  status: 200,
  body: '',
  headers: { 'content-length': '0', 'content-type': null },
};
const DELETED: Expectation = {
  status: 202,
  body: '',
  headers: { 'content-length': '0', 'content-type': null },
};

const pushes: Case[] = [
  { name: 'PUT', requests: [put('/metrics/job/j')], expect: [PUSHED], scrape: stored(J) },
  { name: 'POST', requests: [post('/metrics/job/j')], expect: [PUSHED], scrape: stored(J) },
  {
    name: 'PUT replaces all families of the group',
    requests: [put('/metrics/job/j', 'a 1\nb 2\n'), put('/metrics/job/j', 'b 3\n')],
    expect: [PUSHED, PUSHED],
    scrape: [`b{${J}} 3`, OK],
  },
  {
    name: 'PUT leaves other groups alone',
    requests: [
      put('/metrics/job/i', 'a 1\n'),
      put('/metrics/job/j', 'a 2\n'),
      put('/metrics/job/j', 'b 3\n'),
    ],
    expect: [200, 200, 200],
    scrape: ['a{instance="",job="i"} 1', `b{${J}} 3`],
  },
  {
    name: 'POST leaves the families it does not name',
    requests: [post('/metrics/job/j', 'a 1\nb 2\n'), post('/metrics/job/j', 'b 3\n')],
    expect: [PUSHED, PUSHED],
    scrape: [`a{${J}} 1`, `b{${J}} 3`, OK],
  },
  {
    name: 'POST replaces a family as a whole',
    requests: [post('/metrics/job/j', 'a{x="1"} 1\na{x="2"} 2\n'), post('/metrics/job/j', 'a{x="2"} 3\n')],
    expect: [200, 200],
    scrape: [`a{${J},x="2"} 3`, OK],
  },
  {
    name: 'POST after PUT, PUT after POST',
    requests: [
      put('/metrics/job/j', 'a 1\n'),
      post('/metrics/job/j', 'b 1\n'),
      put('/metrics/job/j', 'c 1\n'),
    ],
    expect: [200, 200, 200],
    scrape: [`c{${J}} 1`, OK],
  },
  {
    name: 'PUT of nothing empties the group',
    requests: [put('/metrics/job/j'), put('/metrics/job/j', '')],
    expect: [200, PUSHED],
    scrape: [OK],
  },
  {
    name: 'POST of nothing leaves the group as it is',
    requests: [put('/metrics/job/j'), post('/metrics/job/j', '')],
    expect: [200, PUSHED],
    scrape: stored(J),
  },
  {
    name: 'POST of nothing makes a group',
    requests: [post('/metrics/job/j', '')],
    expect: [200],
    scrape: [OK],
  },
  {
    name: 'PUT with a comment only empties the group too',
    requests: [put('/metrics/job/j'), put('/metrics/job/j', '# nothing\n\n')],
    expect: [200, 200],
    scrape: [OK],
  },
  {
    name: 'a body in chunks',
    requests: [put('/metrics/job/j', '2\r\nm \r\n2\r\n1\n\r\n0\r\n\r\n', { 'Transfer-Encoding': 'chunked' })],
    expect: [PUSHED],
    scrape: stored(J),
  },
  {
    name: 'a client that waits for 100 Continue',
    requests: [put('/metrics/job/j', 'm 1\n', { Expect: '100-continue' })],
    expect: [PUSHED],
    scrape: stored(J),
  },
];

const deletes: Case[] = [
  {
    name: 'DELETE',
    requests: [put('/metrics/job/j'), del('/metrics/job/j')],
    expect: [200, DELETED],
    scrape: [],
  },
  { name: 'DELETE of what is not there', requests: [del('/metrics/job/j')], expect: [DELETED], scrape: [] },
  {
    name: 'DELETE of one group of several',
    requests: [put('/metrics/job/j'), put('/metrics/job/j/a/b'), del('/metrics/job/j')],
    expect: [200, 200, 202],
    scrape: stored(`a="b",${J}`),
  },
  {
    name: 'DELETE with a body',
    requests: [put('/metrics/job/j'), del('/metrics/job/j', 'what is this')],
    expect: [200, 202],
    scrape: [],
  },
  {
    name: 'a group that comes back after DELETE',
    requests: [put('/metrics/job/j', 'a 1\n'), del('/metrics/job/j'), post('/metrics/job/j', 'b 1\n')],
    expect: [200, 202, 200],
    scrape: [`b{${J}} 1`, OK],
  },
];

const ALLOW = 'DELETE, OPTIONS, POST, PUT';
const methods: Case[] = [
  ...['GET', 'PATCH'].map((method) => ({
    name: `${method} on a group`,
    requests: [of(method, '/metrics/job/j'), of(method, '/metrics/job/j/a/b')],
    expect: [
      { status: 405, headers: { allow: ALLOW } },
      { status: 405, headers: { allow: ALLOW } },
    ],
    scrape: [],
  })),
  {
    name: 'HEAD on a group',
    requests: [of('HEAD', '/metrics/job/j')],
    expect: [{ status: 405, headers: { allow: ALLOW } }],
  },
  {
    name: 'OPTIONS on a group',
    requests: [of('OPTIONS', '/metrics/job/j')],
    expect: [{ status: 200, headers: { allow: ALLOW, 'access-control-allow-origin': null } }],
  },
  {
    name: 'PUT and POST on the path of scrapes',
    requests: [put('/metrics'), post('/metrics'), del('/metrics')],
    expect: [
      { status: 405, headers: { allow: 'GET, OPTIONS' } },
      { status: 405, headers: { allow: 'GET, OPTIONS' } },
      { status: 405, headers: { allow: 'GET, OPTIONS' } },
    ],
    ours: {
      why: 'head',
      expect: [
        { status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } },
        { status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } },
        { status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } },
      ],
    },
  },
  {
    name: 'HEAD on the path of scrapes',
    requests: [of('HEAD', '/metrics')],
    expect: [405],
    ours: { why: 'head', expect: [200] },
  },
  {
    name: 'paths that are not there',
    requests: [get('/nothing'), put('/nothing'), get('/metrics/nothing')],
    expect: [{ status: 404, body: '404 page not found\n' }, 404, 404],
    ours: {
      why: 'wording',
      expect: [{ status: 404, headers: { 'content-type': /^text\/plain/ } }, 404, 404],
    },
  },
];

const errors: Case[] = [
  {
    name: 'a syntax error',
    requests: [put('/metrics/job/j', 'm 1\nm{ 2\n')],
    expect: [refused(/^text format parsing error in line 2: /)],
    scrape: [],
  },
  {
    name: 'a syntax error leaves the group as it was',
    requests: [
      put('/metrics/job/j'),
      put('/metrics/job/j', 'a 1\nm what\n'),
      post('/metrics/job/j', 'b 1\nm what\n'),
    ],
    expect: [200, refused(/in line 2/), refused(/in line 2/)],
    scrape: stored(J),
  },
  {
    name: 'a body that ends before its gzip does',
    requests: [put('/metrics/job/j', '', { 'Content-Encoding': 'gzip' })],
    expect: [refused('EOF')],
    scrape: [],
  },
  {
    name: 'several reasons are told together',
    requests: [put('/metrics/job/j', '# TYPE a gauge\na 1\na 1\n# TYPE b gauge\nb 1\nb 1\n')],
    expect: [
      refused(
        /^pushed metrics are invalid or inconsistent with existing metrics: 2 error\(s\) occurred:\n\* .*\n\* .*\n$/,
      ),
    ],
    scrape: [`group {${J}} refused`],
  },
];

export const METHODS_AND_STATUSES: Section = {
  title: 'A.3 methods and statuses',
  cases: [...pushes, ...deletes, ...methods, ...errors],
};
