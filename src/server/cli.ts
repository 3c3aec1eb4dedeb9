import { Command, CommanderError, Option } from 'commander';
import { ConfigError, quote } from '../../config/config-error.ts';
import { closest } from '../../config/spelling.ts';
import { type Flag, flags } from './cli-flags.ts';
import { helpText, longHelpText, PROGRAM } from './cli-help.ts';
import { manPage } from './cli-man.ts';
import { packageVersion } from './cli-version.ts';

export interface CommandLine {
  readonly action: 'run' | 'check-config' | 'check-health' | 'print';
  /** What to print, with its final newline. Only with the action `print`. */
  readonly text?: string;
  /** What was given for settings, as text by key: for loadConfig. */
  readonly flags: Readonly<Record<string, string>>;
  readonly configFile?: string;
}

export interface HelpOptions {
  /** Columns of the terminal. */
  readonly width?: number | undefined;
  readonly version?: string;
}

const DEFAULT_WIDTH = 80;

/**
 * Reads the arguments that follow the program's name. Touches nothing but them: whether values are any good is for
 * loadConfig to say.
 *
 * @throws {ConfigError} A flag does not exist, lacks its value or is there twice, or there is something besides flags.
 */
export function parseCommandLine(argv: readonly string[], help: HelpOptions = {}): CommandLine {
  checkValuesPresent(argv);
  const given = collect(argv);
  const text = textToPrint(given, help);
  const configFile = given.get('config.file');
  return {
    action: text === undefined ? actionOf(given) : 'print',
    ...(text !== undefined && { text }),
    flags: Object.fromEntries(
      flags.flatMap(({ name, setting }) => {
        const value = given.get(name);
        return setting === undefined || value === undefined ? [] : [[setting.key, value]];
      }),
    ),
    ...(configFile !== undefined && { configFile }),
  };
}

function actionOf(given: ReadonlyMap<string, string>): CommandLine['action'] {
  return (['check-config', 'check-health'] as const).find((name) => given.has(name)) ?? 'run';
}

function textToPrint(given: ReadonlyMap<string, string>, help: HelpOptions): string | undefined {
  const width = help.width ?? DEFAULT_WIDTH;
  if (given.has('help')) {
    return helpText(width);
  }
  if (given.has('help-long')) {
    return longHelpText(width);
  }
  const version = () => help.version ?? packageVersion();
  if (given.has('help-man')) {
    return manPage(version());
  }
  return given.has('version') ? `${PROGRAM}, version ${version()}\n` : undefined;
}

/** The text of each flag's value by the flag's name; `true` or `false` for those without one. */
function collect(argv: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  const add = (flag: Flag, value: string) => {
    if (given.has(flag.name)) {
      throw mistake(flag, 'got it twice, takes it once');
    }
    given.set(flag.name, value);
  };
  const command = new Command(PROGRAM)
    .helpOption(false)
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  for (const flag of flags) {
    const short = flag.short === undefined ? '' : `-${flag.short}, `;
    const value = { switch: '', boolean: ' [value]', value: ' <value>' }[flag.kind];
    command.addOption(new Option(`${short}--${flag.name}${value}`));
    // An event has the option's own name; commander's results have it in camel case.
    command.on(`option:${flag.name}`, (text: string | null) => add(flag, text ?? 'true'));
    if (flag.kind === 'boolean') {
      command.addOption(new Option(`--no-${flag.name}`));
      command.on(`option:no-${flag.name}`, () => add(flag, 'false'));
    }
  }
  try {
    command.parse(argv, { from: 'user' });
  } catch (error) {
    throw error instanceof CommanderError ? explain(error) : error;
  }
  if (command.args.length > 0) {
    throw strayArgument(command.args[0] as string, given);
  }
  return given;
}

/** What begins with a dash is never taken as the value of the flag before it, as in the original. */
function checkValuesPresent(argv: readonly string[]): void {
  const end = argv.indexOf('--');
  const args = end === -1 ? argv : argv.slice(0, end);
  args.forEach((arg, i) => {
    const flag = flags.find(({ name, short }) => arg === `--${name}` || arg === `-${short}`);
    const next = args[i + 1];
    if (flag?.kind !== 'value' || (next !== undefined && !/^-./.test(next))) {
      return;
    }
    const hint = next === undefined ? '' : ` (one that starts with - is written --${flag.name}=VALUE)`;
    throw mistake(flag, `got no value, takes ${flag.takes}${hint}`);
  });
}

/** Commander's message has the argument with its value, which may be a secret: only the flag's name is kept. */
function explain(error: CommanderError): ConfigError {
  if (error.code === 'commander.optionMissingArgument') {
    const lacking = flags.find((flag) => error.message.includes(`--${flag.name} <`)) as Flag;
    return mistake(lacking, `got no value, takes ${lacking.takes}`);
  }
  const name = /option '(--?[^='\s]*)/.exec(error.message)?.[1] ?? '';
  const bare = name.replace(/^--?(no-)?/, '');
  const known = flags.find((flag) => flag.name === bare && error.message.includes(`'${name}=`));
  if (known !== undefined) {
    return mistake(known, 'got a value, takes none');
  }
  const near = closest(
    bare,
    flags.map((flag) => flag.name),
  );
  const hint = near === undefined || !name.startsWith('--') ? '' : `, did you mean --${near}?`;
  return new ConfigError(`${quote(name)}: there is no such flag${hint}`);
}

/** The argument may be the rest of a password with a blank in it: then it is not shown. */
function strayArgument(argument: string, given: ReadonlyMap<string, string>): ConfigError {
  const mayBeSecret = flags.some(
    ({ name, setting }) => given.has(name) && (setting?.sensitive || setting?.kind.mask !== undefined),
  );
  const shown = mayBeSecret ? 'an argument that belongs to no flag' : `the argument ${quote(argument)}`;
  return new ConfigError(`got ${shown}, takes only flags (see --help)`);
}

function mistake(flag: Flag, message: string): ConfigError {
  return new ConfigError(`${flag.setting?.key ?? flag.name} (--${flag.name}): ${message}`, flag.setting?.key);
}
