import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupPath } from '../../../src/server/push/push-path.ts';

test('the part of a path that names a group, as it came', () => {
  const cases: Array<[path: string, prefix: string, expected: string | undefined]> = [
    ['/metrics/job/j', '', 'job/j'],
    ['/metrics/job/j/', '', 'job/j/'],
    ['/metrics/job/a%2Fb//c/../d', '', 'job/a%2Fb//c/../d'],
    ['/metrics/job//', '', 'job//'],
    ['/metrics/job@base64/=', '', 'job@base64/='],
    ['/metrics/job%40base64/eA', '', 'job%40base64/eA'],
    ['///metrics/job/j', '', 'job/j'],
    ['/pg/metrics/job/j', '/pg', 'job/j'],
    ['//pg/metrics/job/j', '/pg', 'job/j'],
    ['/metrics/job/j', '/pg', undefined],
    ['/pgmetrics/job/j', '/pg', undefined],
    ['/metrics', '', undefined],
    ['/metrics/', '', undefined],
    ['/metrics/job', '', undefined],
    ['/metrics/job/', '', undefined],
    ['/metrics/job@base64/', '', undefined],
    ['/metrics/job@base32/x', '', undefined],
    ['/metrics/jobs/x', '', undefined],
    ['/metrics//job/x', '', undefined],
    ['/metrics/JOB/x', '', undefined],
    ['', '', undefined],
  ];
  for (const [path, prefix, expected] of cases) assert.equal(groupPath(path, prefix), expected, path);
});
