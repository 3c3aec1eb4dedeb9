import { CONFIG_FILE_ENV } from '../../config/given.ts';
import { flags, flagTerm } from './cli-flags.ts';
import { PROGRAM, SUMMARY } from './cli-help.ts';

/** What --help-man shows: a man page in roff, for `man -l -`. */
export function manPage(version: string): string {
  const lines = [
    `.TH ${PROGRAM.toUpperCase()} 1 "" "${roff(`${PROGRAM} ${version}`)}" "User Commands"`,
    '.SH NAME',
    `${PROGRAM} \\- ${roff(SUMMARY)}`,
    '.SH SYNOPSIS',
    `.B ${PROGRAM}`,
    '[<flags>]',
    '.SH DESCRIPTION',
    roff(
      'Takes Prometheus metrics by HTTP, keeps them in Redis and shows all that are alive to a scrape. ' +
        'A series that is not pushed again expires.',
    ),
    '.SH OPTIONS',
    roff(
      'Durations are written as in Go (300ms, 5m, 1h30m), sizes as 4096, 512KiB or 64MiB. ' +
        'Every setting has a flag, a key in the configuration file and an environment variable.',
    ),
    ...flags.flatMap(flagEntry),
    '.SH CONFIGURATION FILE',
    roff(
      'A YAML file, named by --config.file. A key with a dot is nested: redis.timeout is timeout under redis. ' +
        'Keys that do not exist, and keys that are there twice, are errors.',
    ),
    '.SH ENVIRONMENT',
    roff(
      'A flag overrides the variable, that the configuration file, that the default. ' +
        'An empty variable counts as not set.',
    ),
    '.TP',
    `.B ${roff(CONFIG_FILE_ENV)}`,
    'Configuration file path.',
    ...flags.flatMap(({ setting }) =>
      setting === undefined ? [] : ['.TP', `.B ${roff(setting.env)}`, `Sets ${roff(setting.key)}.`],
    ),
    '.SH EXIT STATUS',
    '.TP',
    '.B 0',
    'The gateway was told to stop, and did.',
    '.TP',
    '.B 1',
    'The command line or the configuration is wrong, or the gateway failed.',
  ];
  return `${lines.join('\n')}\n`;
}

function flagEntry(flag: (typeof flags)[number]): string[] {
  const short = flag.short === undefined ? '' : `\\-${flag.short}, `;
  const lines = ['.TP', `\\fB${short}${roff(flagTerm(flag))}\\fR`, roff(flag.doc)];
  if (flag.setting !== undefined) {
    lines.push('.br', `Key ${roff(flag.setting.key)}, default ${roff(flag.setting.default || 'empty')}.`);
  }
  return lines;
}

/** Text as roff shows it unchanged; `-` as the ASCII one, which can be copied and searched. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replace(/^\./, '\\&.');
}
