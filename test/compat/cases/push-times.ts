import { post, put, refused, type Section, stored } from '../case.ts';

const J = 'instance="",job="j"';
const BAD = 'm 1 123\n';
const REASON =
  'pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps';
const HELP = '# HELP push_time_seconds Last Unix time when changing this group in the Pushgateway succeeded.';
const FAILURE_HELP =
  '# HELP push_failure_time_seconds Last Unix time when changing this group in the Pushgateway failed.';

export const PUSH_TIMES: Section = {
  title: 'A.5 push times',
  cases: [
    {
      name: 'both families have HELP and are gauges',
      requests: [put('/metrics/job/j')],
      expect: [200],
      scrape: [
        ...stored(J),
        HELP,
        FAILURE_HELP,
        '# TYPE push_time_seconds gauge',
        '# TYPE push_failure_time_seconds gauge',
      ],
    },
    {
      name: 'they have the labels of the group',
      requests: [put('/metrics/job/j/a/b/instance/i')],
      expect: [200],
      scrape: stored('a="b",instance="i",job="j"'),
    },
    {
      name: 'a first push that is refused',
      requests: [put('/metrics/job/j', BAD)],
      expect: [refused(REASON)],
      scrape: [`group {${J}} refused`],
    },
    {
      name: 'a later push that is refused',
      requests: [put('/metrics/job/j'), put('/metrics/job/j', BAD)],
      expect: [200, refused(REASON)],
      scrape: [`m{${J}} 1`, `group {${J}} failed`],
    },
    {
      name: 'the failure is kept through a PUT and a POST that succeed',
      requests: [put('/metrics/job/j', BAD), put('/metrics/job/j'), post('/metrics/job/j')],
      expect: [400, 200, 200],
      scrape: [`m{${J}} 1`, `group {${J}} failed`],
    },
    {
      name: 'DELETE forgets the failure',
      requests: [
        put('/metrics/job/j', BAD),
        { method: 'DELETE', path: '/metrics/job/j' },
        put('/metrics/job/j'),
      ],
      expect: [400, 202, 200],
      scrape: stored(J),
    },
    {
      name: 'a push that cannot be parsed leaves no trace',
      requests: [put('/metrics/job/j', 'm\n'), put('/metrics/job/i'), put('/metrics/job/i', 'm\n')],
      expect: [400, 200, 400],
      scrape: stored('instance="",job="i"'),
    },
    {
      name: 'a pushed push_time_seconds is replaced by the own one',
      requests: [
        put('/metrics/job/j', 'push_time_seconds 1\nm 1\n'),
        post('/metrics/job/j', 'push_time_seconds 2\n'),
      ],
      expect: [200, 200],
      scrape: stored(J),
    },
    {
      name: 'a pushed push_time_seconds of another type too',
      requests: [put('/metrics/job/j', '# TYPE push_time_seconds counter\npush_time_seconds 1\nm 1\n')],
      expect: [200],
      scrape: stored(J),
    },
    {
      name: 'a pushed push_failure_time_seconds is replaced in the push that makes the group',
      requests: [put('/metrics/job/j', 'push_failure_time_seconds 1\nm 1\n')],
      expect: [200],
      scrape: stored(J),
    },
    {
      name: 'a later push_failure_time_seconds',
      requests: [
        put('/metrics/job/j'),
        put('/metrics/job/j', '# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds 0\nm 1\n'),
      ],
      expect: [200, 200],
      scrape: stored(J),
    },
    {
      name: 'a later push_failure_time_seconds as a counter, and another group after it',
      requests: [
        put('/metrics/job/j'),
        put('/metrics/job/j', '# TYPE push_failure_time_seconds counter\npush_failure_time_seconds 1\nm 1\n'),
        put('/metrics/job/i'),
      ],
      expect: [200, 200, 400],
      scrape: 'broken',
      ours: {
        why: 'pushed-failure-time',
        expect: [200, 200, 200],
        scrape: [...stored(J), ...stored('instance="",job="i"')],
      },
    },
    {
      name: 'a group with an empty instance beside one without',
      requests: [put('/metrics/job/j', 'a 1\n'), put('/metrics/job/j/instance/', 'b 1\n')],
      expect: [200, 400],
      scrape: 'broken',
      ours: {
        why: 'empty-instance',
        expect: [200, 200],
        scrape: [`a{${J}} 1`, `b{${J}} 1`, `group {${J}} ok`],
      },
    },
    {
      name: 'both with one series',
      requests: [put('/metrics/job/j'), put('/metrics/job/j/instance/')],
      expect: [200, 400],
      scrape: 'broken',
      ours: { why: 'empty-instance', scrape: [`m{${J}} 1`] },
    },
  ],
};
