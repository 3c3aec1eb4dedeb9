import assert from 'node:assert/strict';
import { type Case, get, of, post, put, type Section, stored } from '../case.ts';

const J = 'instance="",job="j"';

const health: Case[] = ['/-/healthy', '/-/ready'].map((path) => ({
  name: path,
  requests: [get(path), of('HEAD', path), post(path, '')],
  expect: [{ status: 200, body: /^OK\n?$/ }, 405, 405],
  ours: { why: 'head', expect: [{ status: 200, body: /^OK\n?$/ }, 200, 405] },
}));

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
  'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
  'access-control-expose-headers': 'Date',
};

export const ENDPOINTS: Section = {
  title: 'A.13 other endpoints',
  cases: [
    ...health,
    {
      name: 'quit asks for PUT or POST',
      requests: [get('/-/quit')],
      expect: [{ status: 405, body: /^Only POST or PUT requests allowed\.?\n?$/ }],
      ours: { why: 'wording', expect: [{ status: 405, headers: { allow: /PUT/ } }] },
    },
    {
      name: 'there is no reload',
      requests: [post('/-/reload', '')],
      expect: [404],
      ours: { why: 'reload', expect: [200] },
    },
    {
      name: 'the status',
      requests: [get('/api/v1/status')],
      expect: [
        {
          status: 200,
          headers: { 'content-type': /^application\/json/, ...CORS },
          check: ({ body }) => {
            const { status, data } = JSON.parse(body.toString());
            assert.equal(status, 'success');
            assert.deepEqual(Object.keys(data.build_information).sort(), [
              'branch',
              'buildDate',
              'buildUser',
              'goVersion',
              'revision',
              'version',
            ]);
            assert.ok(Object.values(data.flags).every((flag) => typeof flag === 'string'));
            assert.ok(Object.keys(data.flags).length > 5);
            assert.ok(Math.abs(Date.parse(data.start_time) - Date.now()) < 600_000, data.start_time);
          },
        },
      ],
    },
    {
      name: 'OPTIONS under the API answer with CORS',
      requests: [of('OPTIONS', '/api/v1/metrics'), of('OPTIONS', '/api/v1/status')],
      expect: [
        { status: 200, headers: CORS },
        { status: 200, headers: CORS },
      ],
    },
    {
      name: 'wipe',
      requests: [
        put('/metrics/job/j'),
        put('/metrics/job/i/a/b'),
        { method: 'PUT', path: '/api/v1/admin/wipe' },
        get('/api/v1/admin/wipe'),
      ],
      expect: [200, 200, { status: 202, body: '' }, 405],
    },
    {
      name: 'after a wipe pushes go on',
      requests: [
        put('/metrics/job/j', 'a 1\n'),
        { method: 'PUT', path: '/api/v1/admin/wipe' },
        put('/metrics/job/j'),
      ],
      expect: [200, 202, 200],
      scrape: stored(J),
    },
    {
      name: 'the page',
      requests: [get('/')],
      expect: [{ status: 200, headers: { 'content-type': /^text\/html/ } }],
    },
    {
      name: 'the page by its other name',
      requests: [get('/status')],
      expect: [{ status: 200, headers: { 'content-type': /^text\/html/ } }],
    },
    {
      name: 'pprof',
      requests: [get('/debug/pprof/')],
      expect: [200],
      ours: { why: 'no-pprof', expect: [404] },
    },
    {
      name: 'a slash at the end',
      requests: [get('/metrics/'), get('/-/healthy/')],
      expect: [
        { status: 301, headers: { location: '/metrics' } },
        { status: 301, headers: { location: '/-/healthy' } },
      ],
      ours: { why: 'no-redirects', expect: [404, 404] },
    },
    {
      name: 'no CORS outside the API',
      requests: [put('/metrics/job/j'), get('/metrics')],
      expect: [
        { status: 200, headers: { 'access-control-allow-origin': null } },
        { status: 200, headers: { 'access-control-allow-origin': null } },
      ],
    },
  ],
};

export const LOCKED_ENDPOINTS: Section = {
  title: 'A.13 endpoints that are off by default',
  officialArgs: [],
  oursArgs: [],
  keeps: true,
  cases: [
    {
      name: 'quit',
      requests: [{ method: 'PUT', path: '/-/quit' }, post('/-/quit', ''), get('/-/ready')],
      expect: [{ status: 403, body: /^Lifecycle API is not enabled\.?\n?$/ }, 403, 200],
      ours: { why: 'wording', expect: [403, 403, 200] },
    },
    {
      name: 'wipe',
      requests: [put('/metrics/job/j'), { method: 'PUT', path: '/api/v1/admin/wipe' }],
      expect: [200, 404],
      scrape: stored(J),
    },
  ],
};

export const ROUTE_PREFIX: Section = {
  title: 'A.13 a route prefix',
  officialArgs: ['--web.enable-admin-api', '--web.route-prefix=/pg/'],
  oursArgs: ['--web.enable-admin-api', '--web.route-prefix=/pg/'],
  prefix: '/pg',
  cases: [
    {
      name: 'everything is under it',
      requests: [put('/pg/metrics/job/j'), get('/pg/-/healthy'), get('/pg/api/v1/status'), get('/pg/')],
      expect: [200, 200, 200, 200],
      scrape: stored(J),
    },
    {
      name: 'nothing is at the root',
      requests: [put('/metrics/job/j'), get('/metrics'), get('/-/healthy'), get('/api/v1/metrics'), get('/')],
      expect: [404, 404, 404, 404, 404],
      scrape: [],
    },
    {
      name: 'the prefix without its slash',
      requests: [get('/pg')],
      expect: [{ status: 301, headers: { location: '/pg/' } }],
    },
    {
      name: 'labels, base64 and DELETE',
      requests: [
        put('/pg/metrics/job@base64/ag/a@base64/Mg=='),
        put('/pg/metrics/job/j'),
        { method: 'DELETE', path: '/pg/metrics/job/j' },
      ],
      expect: [200, 200, 202],
      scrape: stored(`a="2",${J}`),
    },
  ],
};

export const EXTERNAL_URL: Section = {
  title: 'A.13 the prefix of an external URL',
  officialArgs: ['--web.enable-admin-api', '--web.external-url=http://proxy.example/pg'],
  oursArgs: ['--web.enable-admin-api', '--web.external-url=http://proxy.example/pg'],
  prefix: '/pg',
  cases: [
    {
      name: 'is the prefix of the routes',
      requests: [put('/pg/metrics/job/j'), get('/pg/-/ready'), put('/metrics/job/j')],
      expect: [200, 200, 404],
      scrape: stored(J),
    },
  ],
};

export const TELEMETRY_PATH: Section = {
  title: 'A.2 another path of scrapes',
  officialArgs: ['--web.enable-admin-api', '--web.telemetry-path=/scrape'],
  oursArgs: ['--web.enable-admin-api', '--metrics.path=/scrape'],
  cases: [
    {
      name: 'pushes go to /metrics all the same',
      requests: [put('/metrics/job/j'), put('/scrape/job/j'), get('/scrape'), get('/metrics')],
      expect: [200, 404, { status: 200, body: /^m\{instance="",job="j"\} 1$/m }, 404],
    },
  ],
};
