import { type Case, put, refused, type Section } from '../case.ts';

const J = 'instance="",job="j"';

type Row = readonly [name: string, body: string, shown: readonly string[], ours?: Case['ours']];

const HISTOGRAM_SUM = `h_sum{${J}} 3`;
const accepted: Row[] = [
  ['a series', 'm 1\n', [`m{${J}} 1`]],
  ['comments', '# a comment\n#another\nm 1\n#\n', [`m{${J}} 1`]],
  ['blank lines', '\n\nm 1\n\n  \n', [`m{${J}} 1`]],
  ['leading blanks', '  m 1\n\tn 2\n', [`m{${J}} 1`, `n{${J}} 2`]],
  ['several blanks and tabs', 'm  \t 1\n', [`m{${J}} 1`]],
  ['blanks inside braces', 'm { a = "1" , b = "2" } 1\n', [`m{a="1",b="2",${J}} 1`]],
  ['a trailing comma', 'm{a="1",} 1\n', [`m{a="1",${J}} 1`]],
  ['empty braces', 'm{} 1\n', [`m{${J}} 1`]],
  ['NaN', 'm{a="1"} NaN\nm{a="2"} nan\n', [`m{a="1",${J}} NaN`, `m{a="2",${J}} NaN`]],
  [
    'infinities',
    'm{a="1"} Inf\nm{a="2"} +Inf\nm{a="3"} -INF\nm{a="4"} infinity\n',
    [`m{a="1",${J}} +Inf`, `m{a="2",${J}} +Inf`, `m{a="3",${J}} -Inf`, `m{a="4",${J}} +Inf`],
  ],
  [
    'numbers',
    'm{a="1"} .5\nm{a="2"} 5.\nm{a="3"} 1e3\nm{a="4"} 2E-3\nm{a="5"} +7\nm{a="6"} -0\n',
    [
      `m{a="1",${J}} 0.5`,
      `m{a="2",${J}} 5`,
      `m{a="3",${J}} 1000`,
      `m{a="4",${J}} 0.002`,
      `m{a="5",${J}} 7`,
      `m{a="6",${J}} 0`,
    ],
  ],
  ['a number of more digits than a float has', 'm 123456789012345678\n', [`m{${J}} 123456789012345680`]],
  ['a large number', 'm 1e21\n', [`m{${J}} 1e+21`]],
  ['# EOF', 'm 1\n# EOF\n', [`m{${J}} 1`]],
  ['a series after # EOF', 'm 1\n# EOF\nn 1\n', [`m{${J}} 1`, `n{${J}} 1`]],
  ['a name with a colon', 'm:x_1 1\n:y 2\n', [`m:x_1{${J}} 1`, `:y{${J}} 2`]],
  ['TYPE in any case', '# TYPE m CoUnTeR\nm 1\n', [`m{${J}} 1`, '# TYPE m counter']],
  ['TYPE without a word', '# TYPE m\nm 1\n', [`m{${J}} 1`]],
  ['HELP after the samples', 'm 1\n# HELP m Late.\n', [`m{${J}} 1`, '# HELP m Late.']],
  ['HELP with escapes', '# HELP m a\\\\b\\nc "d"\nm 1\n', [`m{${J}} 1`, '# HELP m a\\\\b\\nc "d"']],
  ['HELP without text', '# HELP m\nm 1\n', [`m{${J}} 1`]],
  ['TYPE without samples', '# TYPE n gauge\n# HELP n None.\nm 1\n', [`m{${J}} 1`]],
  [
    'families interleaved',
    'm{a="1"} 1\nn 1\nm{a="2"} 2\n',
    [`m{a="1",${J}} 1`, `m{a="2",${J}} 2`, `n{${J}} 1`],
  ],
  ['untyped', '# TYPE m untyped\nm 1\n', [`m{${J}} 1`, '# TYPE m untyped']],
  [
    'a histogram',
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    [
      `h_bucket{${J},le="1"} 1`,
      `h_bucket{${J},le="+Inf"} 2`,
      HISTOGRAM_SUM,
      `h_count{${J}} 2`,
      '# TYPE h histogram',
    ],
  ],
  [
    'a histogram without +Inf',
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 3\nh_count 2\n',
    [`h_bucket{${J},le="1"} 1`, `h_bucket{${J},le="+Inf"} 2`, HISTOGRAM_SUM, `h_count{${J}} 2`],
  ],
  [
    'a histogram without a count',
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\n',
    [`h_bucket{${J},le="1"} 1`, `h_bucket{${J},le="+Inf"} 2`, HISTOGRAM_SUM, `h_count{${J}} 0`],
  ],
  [
    'a histogram with a bare sample',
    '# TYPE h histogram\nh 7\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    [`h_bucket{${J},le="+Inf"} 2`, HISTOGRAM_SUM, `h_count{${J}} 2`],
  ],
  [
    'a bucket without le',
    '# TYPE h histogram\nh_bucket 7\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    [`h_bucket{${J},le="+Inf"} 2`, HISTOGRAM_SUM, `h_count{${J}} 2`],
  ],
  [
    'le is written anew',
    '# TYPE h histogram\nh_bucket{le="1.0"} 1\nh_bucket{le="5e-1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    [
      `h_bucket{${J},le="0.5"} 1`,
      `h_bucket{${J},le="1"} 1`,
      `h_bucket{${J},le="+Inf"} 2`,
      HISTOGRAM_SUM,
      `h_count{${J}} 2`,
    ],
  ],
  [
    'quantile is written anew',
    '# TYPE s summary\ns{quantile="0.50"} 1\ns{quantile="9.9e-1"} 2\ns_sum 3\ns_count 2\n',
    [`s{${J},quantile="0.5"} 1`, `s{${J},quantile="0.99"} 2`, `s_sum{${J}} 3`, `s_count{${J}} 2`],
  ],
  ['le on a gauge is a label', '# TYPE m gauge\nm{le="1.0"} 1\n', [`m{${J},le="1.0"} 1`]],
  [
    'a fractional count',
    '# TYPE h histogram\nh_bucket{le="+Inf"} 1.5\nh_sum 3\nh_count 1.5\n',
    [`h_bucket{${J},le="+Inf"} 1`, HISTOGRAM_SUM, `h_count{${J}} 1`],
    {
      why: 'fractional-counts',
      scrape: [`h_bucket{${J},le="+Inf"} 1.5`, HISTOGRAM_SUM, `h_count{${J}} 1.5`],
    },
  ],
  ['# UNIT is a comment', '# UNIT m seconds\nm 1\n', [`m{${J}} 1`]],
  ['two hundred labels', `m{${manyLabels()}} 1\n`, [`m{${manyLabels()},${J}} 1`]],
  ['an escaped value', 'm{a="x\\\\y\\"z\\n"} 1\n', [`m{a="x\\\\y\\"z\\n",${J}} 1`]],
  ['a value with braces, commas and equals', 'm{a="},b=\\"{"} 1\n', [`m{a="},b=\\"{",${J}} 1`]],
  ['a value with #', 'm{a="1 # 2"} 1\n', [`m{a="1 # 2",${J}} 1`]],
];

function manyLabels(): string {
  return Array.from({ length: 200 }, (_, i) => `a${String(i).padStart(3, '0')}="${i}"`).join(',');
}

const LENIENT = 'lenient-text';
const oneSeries = { expect: [200], scrape: [`m{${J}} 1`, `group {${J}} ok`] };
const refusedRows: ReadonlyArray<readonly [name: string, body: string | Buffer, ours?: Case['ours']]> = [
  ['no newline at the end', 'm 1', { why: LENIENT, ...oneSeries }],
  ['CRLF', 'm 1\r\n', { why: LENIENT, ...oneSeries }],
  ['CRLF after TYPE', '# TYPE m gauge\r\nm 1\r\n', { why: LENIENT, ...oneSeries }],
  ['a blank after the value', 'm 1 \n', { why: LENIENT, ...oneSeries }],
  ['an exemplar', '# TYPE m_total counter\nm_total 1 # {trace="x"} 1\n'],
  ['a number out of range', 'm 1e999\n'],
  ['a hexadecimal number', 'm 0x10\n'],
  ['a number with an underscore', 'm 1_000\n'],
  ['a number with a comma', 'm 1,5\n'],
  ['no number', 'm\n'],
  ['a word for a number', 'm one\n'],
  ['a name that begins with a digit', '0m 1\n'],
  ['a name with a dash', 'a-b 1\n'],
  ['a name with a dot', 'a.b 1\n'],
  ['a label name with a dash', 'm{a-b="1"} 1\n'],
  ['a label name that begins with a digit', 'm{0a="1"} 1\n'],
  ['a label without a value', 'm{a} 1\n'],
  ['a label value without quotes', 'm{a=1} 1\n'],
  ['braces that are not closed', 'm{a="1" 1\n'],
  ['quotes that are not closed', 'm{a="1} 1\n'],
  ['labels without a comma between', 'm{a="1" b="2"} 1\n'],
  ['only a comma in the braces', 'm{,} 1\n'],
  ['an escape that is none', 'm{a="\\t"} 1\n'],
  ['a raw newline in a value', 'm{a="x\ny"} 1\n'],
  ['a value that is not UTF-8', Buffer.from('m{a="\xff"} 1\n', 'latin1')],
  ['a label twice', 'm{a="1",a="2"} 1\n'],
  ['__name__ as a label', 'm{__name__="n"} 1\n'],
  ['the type info', '# TYPE m info\nm 1\n'],
  ['the type unknown', '# TYPE m unknown\nm 1\n'],
  ['the type stateset', '# TYPE m stateset\nm 1\n'],
  ['the type gaugehistogram', '# TYPE m gaugehistogram\nm_bucket{le="+Inf"} 1\n'],
  ['a second TYPE', '# TYPE m gauge\n# TYPE m gauge\nm 1\n'],
  ['a second HELP', '# HELP m One.\n# HELP m Two.\nm 1\n'],
  ['TYPE after samples', 'm 1\n# TYPE m gauge\n'],
  ['le that is no number', '# TYPE h histogram\nh_bucket{le="x"} 1\nh_count 1\nh_sum 1\n'],
  ['quantile that is no number', '# TYPE s summary\ns{quantile="x"} 1\ns_count 1\ns_sum 1\n'],
  ['HTML', '<html></html>\n'],
  ['JSON', '{"m": 1}\n'],
  ['a quoted name', '{"m.x"} 1\n', { why: 'utf8-names', expect: [200], scrape: [`{"m.x",${J}} 1`] }],
];

const CONTENT_TYPES = [
  'text/plain',
  'text/plain; version=0.0.4; charset=utf-8',
  'application/x-www-form-urlencoded',
  'application/json',
  'application/octet-stream',
  'application/vnd.google.protobuf',
  'nonsense',
];

export const TEXT_BODIES: Section = {
  title: 'A.7 text bodies',
  cases: [
    ...accepted.map(
      ([name, body, shown, ours]): Case => ({
        name,
        requests: [put('/metrics/job/j', body)],
        expect: [200],
        scrape: [...shown, `group {${J}} ok`],
        ...(ours && { ours }),
      }),
    ),
    ...refusedRows.map(
      ([name, body, ours]): Case => ({
        name,
        requests: [put('/metrics/job/j', body)],
        expect: [refused(/^text format parsing error in line \d+: /)],
        scrape: [],
        ...(ours && { ours }),
      }),
    ),
    ...CONTENT_TYPES.map(
      (type): Case => ({
        name: `the content type ${type} is text`,
        requests: [put('/metrics/job/j', 'm 1\n', { 'Content-Type': type })],
        expect: [200],
        scrape: [`m{${J}} 1`, `group {${J}} ok`],
      }),
    ),
    {
      name: 'OpenMetrics by content type',
      requests: [
        put(
          '/metrics/job/j',
          '# TYPE m_bytes counter\n# UNIT m_bytes bytes\nm_bytes_total 1 # {trace="t"} 0.5\n# EOF\n',
          {
            'Content-Type': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
          },
        ),
      ],
      expect: [400],
      scrape: [],
      ours: { why: 'openmetrics-pushes', expect: [200], scrape: [`m_bytes_total{${J}} 1`] },
    },
    {
      name: 'a body of 1 MiB',
      requests: [put('/metrics/job/j', `${`# ${'x'.repeat(1021)}\n`.repeat(1024)}m 1\n`)],
      expect: [200],
      scrape: [`m{${J}} 1`],
    },
    {
      name: 'ten thousand series',
      requests: [
        put('/metrics/job/j', Array.from({ length: 10_000 }, (_, i) => `m{i="${i}"} ${i}\n`).join('')),
      ],
      expect: [200],
      scrape: Array.from({ length: 10_000 }, (_, i) => `m{i="${i}",${J}} ${i}`),
    },
  ],
};
