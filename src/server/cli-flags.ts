import { type NamedSetting, settings } from '../../config/schema.ts';

/** One flag of the command line: a setting's, or one of the program's own. */
export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly doc: string;
  /** `switch` takes no value; `boolean` may have one and has a `--no-` form. */
  readonly kind: 'switch' | 'boolean' | 'value';
  /** Shown by --help; the others only by --help-long and --help-man. */
  readonly usual: boolean;
  /** Stands for the value in help: the default if there is one. */
  readonly placeholder: string;
  /** What the value has to be. */
  readonly takes: string;
  /** Undefined for the program's own flags. */
  readonly setting?: NamedSetting;
}

/** Every flag, in the order of the help. */
export const flags: readonly Flag[] = [
  ownSwitch('help', 'Show context-sensitive help (also try --help-long and --help-man).', 'h'),
  { ...ownSwitch('help-long', 'Show help for all flags, with their keys and variables.'), usual: false },
  { ...ownSwitch('help-man', 'Show this help as a man page.'), usual: false },
  ownSwitch('version', 'Show application version.'),
  ownSwitch('check-config', 'Check the configuration, say whether it is valid and exit.'),
  {
    ...ownSwitch(
      'check-health',
      'Ask the gateway that runs with this configuration whether it is healthy and exit.',
    ),
    usual: false,
  },
  {
    name: 'config.file',
    doc: 'Configuration file path.',
    kind: 'value',
    usual: true,
    placeholder: 'CONFIG.FILE',
    takes: 'the path of a YAML file',
  },
  ...settings.map(settingFlag),
];

/** The flag as help shows it: `--port=9753`, `--[no-]tls.enabled`. */
export function flagTerm(flag: Flag): string {
  if (flag.kind === 'value') {
    return `--${flag.name}=${flag.placeholder}`;
  }
  return flag.kind === 'boolean' ? `--[no-]${flag.name}` : `--${flag.name}`;
}

function ownSwitch(name: string, doc: string, short?: string): Flag {
  return {
    name,
    ...(short !== undefined && { short }),
    doc,
    kind: 'switch',
    usual: true,
    placeholder: '',
    takes: 'no value',
  };
}

function settingFlag(setting: NamedSetting): Flag {
  const { flag, short, doc, usual, kind } = setting;
  const shown = kind.quoted ? JSON.stringify(setting.default) : setting.default;
  return {
    name: flag,
    ...(short !== undefined && { short }),
    doc,
    kind: kind.name === 'boolean' ? 'boolean' : 'value',
    usual,
    placeholder: setting.default === '' ? flag.toUpperCase() : shown,
    takes: kind.takes,
    setting,
  };
}
