import { type Case, del, put, refused, refusedAs, type Section, stored } from '../case.ts';

const J = 'instance="",job="j"';
/** What the official 1.5.1 does after it could not decode a job. Gone in later versions. */
const HANGS = '1.5.1 never answers a request of this kind again: it keeps a lock';

const values: Case[] = (
  [
    ['Mg', '2', 'without padding'],
    ['Mg==', '2', 'padded'],
    ['Mg=', '2', 'padded by half'],
    ['Mg%3D%3D', '2', 'with its padding escaped'],
    ['YS9i', 'a/b', 'of a slash'],
    ['YS9iIGM', 'a/b c', 'of a blank'],
    ['zqDOrA', 'Πά', 'of letters outside ASCII'],
    ['Pz8_Pz8-', '??????>'.slice(1), 'in the url-safe alphabet'],
    ['=', '', 'of nothing, one ='],
    ['==', '', 'of nothing, two ='],
    ['%3D', '', 'of nothing, = escaped'],
    ['Mh', '2', 'whose unused bits are not zero'],
    ['M%0Dg%0A', '2', 'with line breaks inside'],
  ] as const
).map(([encoded, value, what]) => ({
  name: `base64 ${what}`,
  requests: [put(`/metrics/job/j/a@base64/${encoded}`)],
  expect: [200],
  scrape: stored(`a="${value}",${J}`),
}));

const jobs: Case[] = (
  [
    ['ag', 'j', 'without padding'],
    ['ag==', 'j', 'padded'],
    ['YS9i', 'a/b', 'of a slash'],
    ['zqDOrA', 'Πά', 'of letters outside ASCII'],
  ] as const
).map(([encoded, value, what]) => ({
  name: `a job in base64 ${what}`,
  requests: [put(`/metrics/job@base64/${encoded}`)],
  expect: [200],
  scrape: stored(`instance="",job="${value}"`),
}));

const bad: Case[] = (
  [
    ['A', 'illegal base64 data at input byte 0', 'too short'],
    ['ab+c', 'illegal base64 data at input byte 2', 'with a plus'],
    ['ab%2Bc', 'illegal base64 data at input byte 2', 'with an escaped plus'],
    ['a~bc', 'illegal base64 data at input byte 1', 'with a foreign character'],
    ['Mg=x', 'illegal base64 data at input byte 2', 'with = inside'],
  ] as const
).map(([encoded, message, what]) => ({
  name: `base64 ${what}`,
  requests: [put(`/metrics/job/j/a@base64/${encoded}`)],
  expect: [refusedAs(`invalid base64 encoding for label a="${decodeURIComponent(encoded)}": ${message}`)],
  scrape: [],
}));

export const BASE64: Section = {
  title: 'A.2 base64',
  cases: [
    ...values,
    ...jobs,
    ...bad,
    {
      name: 'an escaped @',
      requests: [put('/metrics/job%40base64/ag/a%40base64/Mg')],
      expect: [200],
      scrape: stored(`a="2",${J}`),
    },
    {
      name: 'nothing after the last label',
      requests: [put('/metrics/job/j/a@base64/')],
      expect: [200],
      scrape: stored(`a="",${J}`),
    },
    {
      name: 'a label, and a job, in base64',
      requests: [put('/metrics/job@base64/ag/a@base64/Mg==/b/c')],
      expect: [200],
      scrape: stored(`a="2",b="c",${J}`),
    },
    {
      name: 'the same group in both spellings',
      requests: [put('/metrics/job/j/a/2'), del('/metrics/job@base64/ag==/a@base64/Mg')],
      expect: [200, 202],
      scrape: [],
    },
    {
      name: 'upper case after the @ of a label',
      requests: [put('/metrics/job/j/a@BASE64/Mg')],
      expect: [refusedAs('improper label name "a@BASE64"')],
      scrape: [],
      ours: {
        why: 'utf8-names',
        expect: [200],
        scrape: [`m{"a@BASE64"="Mg",instance="",job="j"} 1`],
      },
    },
    {
      name: 'upper case after the @ of the job',
      requests: [put('/metrics/job@BASE64/ag')],
      expect: [{ status: 307, headers: { location: '/metrics/job@base64/ag' } }],
      scrape: [],
      ours: { why: 'no-redirects', expect: [404] },
    },
    {
      name: 'an empty job',
      requests: [put('/metrics/job@base64/='), del('/metrics/job@base64/%3D')],
      expect: [refusedAs('job name is required'), refusedAs('job name is required')],
      scrape: [],
    },
    {
      name: 'a job that is not base64',
      requests: [put('/metrics/job@base64/A'), put('/metrics/job@base64/ag')],
      expect: [refused(/^invalid base64 encoding in job name/), 200],
      scrape: stored(J),
      skipOfficial: HANGS,
      ours: { why: 'bad-base64-job' },
    },
    {
      name: 'a value in base64 that is not UTF-8',
      requests: [put('/metrics/job/j/a@base64/_w')],
      expect: [refused(/value is not utf8/)],
      scrape: 'broken',
      ours: { why: 'invalid-utf8-key', scrape: [] },
    },
    {
      name: 'a percent-encoded value that is not UTF-8',
      requests: [put('/metrics/job/j/a/%FF')],
      expect: [refused(/value is not utf8/)],
      scrape: 'broken',
      ours: { why: 'invalid-utf8-key', scrape: [] },
    },
    {
      name: 'a job that is not UTF-8',
      requests: [put('/metrics/job/%FF')],
      expect: [refused(/value is not utf8/)],
      scrape: 'broken',
      ours: { why: 'invalid-utf8-key', scrape: [] },
    },
  ],
};
