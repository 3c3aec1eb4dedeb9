import { del, post, put, type Section } from '../case.ts';

const REFUSED = ['group {instance="",job="j"} refused'];

/** What the official gateway does with its check turned off. Ours has no such flag: its check costs nothing to speak of. */
export const WITHOUT_CHECK: Section = {
  title: 'A.3 without the consistency check',
  officialArgs: ['--web.enable-admin-api', '--push.disable-consistency-check'],
  cases: [
    {
      name: 'pushes and the error of syntax',
      requests: [
        put('/metrics/job/j'),
        post('/metrics/job/j'),
        put('/metrics/job/j', 'm\n'),
        del('/metrics/job/j'),
      ],
      expect: [202, 202, 400, 202],
      ours: { why: 'check-always', expect: [200, 200, 400, 202] },
    },
    {
      name: 'a push that the check would refuse',
      requests: [put('/metrics/job/j', 'm 1\nm 2\n')],
      expect: [202],
      scrape: 'broken',
      ours: { why: 'check-always', expect: [400], scrape: REFUSED },
    },
    {
      name: 'a timestamp',
      requests: [put('/metrics/job/j', 'm 1 1\n')],
      expect: [202],
      ours: { why: 'check-always', expect: [400], scrape: REFUSED },
    },
  ],
};
