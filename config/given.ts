import { ConfigError, quote } from './config-error.ts';
import { type NamedSetting, settings, settingsByKey } from './schema.ts';

/** A value that somebody gave a setting, not yet checked. */
export interface Given {
  readonly setting: NamedSetting;
  readonly text: string;
  /** Where it stands, for messages: `--port`, `PUSHGATEWAY_PORT` or `pushgw.yml, line 3`. */
  readonly from: string;
}

/** The variable that names the configuration file, as `--config.file` does. */
export const CONFIG_FILE_ENV = 'PUSHGATEWAY_CONFIG_FILE';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment gives. An empty variable counts as not set. */
export function givenByEnvironment(env: Environment): Given[] {
  return settings.flatMap((setting) => {
    const text = env[setting.env];
    if (text === undefined || text === '' || isKubernetesLink(setting, text)) {
      return [];
    }
    return [{ setting, text, from: setting.env }];
  });
}

/** What the command line gives: text by key. */
export function givenByFlags(flags: Readonly<Record<string, string>>): Given[] {
  return Object.entries(flags).map(([key, text]) => {
    const setting = settingsByKey.get(key);
    if (setting === undefined) {
      throw new ConfigError(`${quote(key)}: there is no such setting`, key);
    }
    return { setting, text, from: `--${setting.flag}` };
  });
}

/**
 * Kubernetes tells every pod of a namespace about the Service `pushgateway` by a variable
 * `PUSHGATEWAY_PORT=tcp://10.0.0.1:9753`. That is not the port to listen on.
 */
function isKubernetesLink(setting: NamedSetting, text: string): boolean {
  return setting.key === 'port' && /^(tcp|udp|sctp):\/\//.test(text);
}
