import { put, type Section } from '../case.ts';

const J = 'instance="",job="j"';

export const LABELS: Section = {
  title: 'A.4 labels',
  cases: [
    {
      name: 'labels of the body stay',
      requests: [put('/metrics/job/j', 'm{a="1",z="2"} 1\n')],
      expect: [200],
      scrape: [`m{a="1",${J},z="2"} 1`],
    },
    {
      name: 'labels of the group win over those of the body',
      requests: [put('/metrics/job/j/a/group', 'm{a="body",job="body"} 1\n')],
      expect: [200],
      scrape: [`m{a="group",${J}} 1`],
    },
    {
      name: 'an empty label of the group wins too',
      requests: [put('/metrics/job/j/a/', 'm{a="body"} 1\n')],
      expect: [200],
      scrape: [`m{a="",${J}} 1`],
    },
    {
      name: 'an instance in the body stays',
      requests: [put('/metrics/job/j', 'm{instance="body"} 1\n')],
      expect: [200],
      scrape: ['m{instance="body",job="j"} 1', `group {${J}} ok`],
    },
    {
      name: 'an instance in the key wins over one in the body',
      requests: [put('/metrics/job/j/instance/key', 'm{instance="body"} 1\nn 1\n')],
      expect: [200],
      scrape: [
        'm{instance="key",job="j"} 1',
        'n{instance="key",job="j"} 1',
        'group {instance="key",job="j"} ok',
      ],
    },
    {
      name: 'an empty label of the body stays',
      requests: [put('/metrics/job/j', 'm{a=""} 1\n')],
      expect: [200],
      scrape: [`m{a="",${J}} 1`],
    },
    {
      name: 'labels are sorted by name',
      requests: [put('/metrics/job/j/Z/1/a/2', 'm{z="3",B="4",_="5"} 1\n')],
      expect: [200],
      scrape: [`m{B="4",Z="1",_="5",a="2",${J},z="3"} 1`],
    },
    {
      name: 'le comes last',
      requests: [
        put(
          '/metrics/job/j/z/1',
          '# TYPE h histogram\nh_bucket{le="+Inf",x="2"} 1\nh_sum{x="2"} 3\nh_count{x="2"} 1\n',
        ),
      ],
      expect: [200],
      scrape: [
        `h_bucket{${J},x="2",z="1",le="+Inf"} 1`,
        `h_sum{${J},x="2",z="1"} 3`,
        `h_count{${J},x="2",z="1"} 1`,
      ],
    },
    {
      name: 'quantile comes last',
      requests: [
        put(
          '/metrics/job/j/z/1',
          '# TYPE s summary\ns{quantile="0.5",x="2"} 1\ns_sum{x="2"} 3\ns_count{x="2"} 1\n',
        ),
      ],
      expect: [200],
      scrape: [
        `s{${J},x="2",z="1",quantile="0.5"} 1`,
        `s_sum{${J},x="2",z="1"} 3`,
        `s_count{${J},x="2",z="1"} 1`,
      ],
    },
    {
      name: 'escapes in values come out as they went in',
      requests: [put('/metrics/job/j', 'm{a="\\\\ \\" \\n é"} 1\n')],
      expect: [200],
      scrape: [`m{a="\\\\ \\" \\n é",${J}} 1`],
    },
  ],
};
