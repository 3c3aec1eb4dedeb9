import convict from 'convict';
import { checkFiles } from './check-files.ts';
import type { Config } from './config.ts';
import { ConfigError, quote } from './config-error.ts';
import { CONFIG_FILE_ENV, type Environment, type Given, givenByEnvironment, givenByFlags } from './given.ts';
import { resolveConfig } from './resolve.ts';
import { schema, settings, type Values } from './schema.ts';
import { readConfigFile } from './yaml-file.ts';

export interface ConfigSources {
  /** Text by key, from the command line. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly env?: Environment;
  /** Path of the configuration file; without one, that in the variable PUSHGATEWAY_CONFIG_FILE, if any. */
  readonly file?: string | undefined;
}

/**
 * The configuration: defaults, overridden by the file, that by the environment, that by flags. A mistake is one wherever
 * it stands, also where another source overrides it. Reads the file and, with TLS, the key and the certificate.
 *
 * @throws {ConfigError} for the first mistake found
 */
export function loadConfig(sources: ConfigSources = {}): Config {
  const { flags = {}, env = {} } = sources;
  const file = sources.file ?? (env[CONFIG_FILE_ENV] || undefined);
  const store = openStore();
  const layers = [
    file === undefined ? [] : readConfigFile(file),
    givenByEnvironment(env),
    givenByFlags(flags),
  ];
  for (const given of layers.flat()) {
    apply(store, given);
  }
  store.validate({ allowed: 'strict' });
  const config = resolveConfig(store.getProperties(), describe(store));
  checkFiles(config);
  return deepFreeze(config);
}

/** Every key with its value in force as one would write it, secrets masked: for logs and status. */
export function describeConfig(config: Config): Readonly<Record<string, string>> {
  return config.described;
}

type Store = convict.Config<Values>;

/** convict's own readers of environment and arguments stay idle: they do not say where a value came from. */
function openStore(): Store {
  for (const { kind } of settings) {
    convict.addFormat({
      name: kind.name,
      validate: () => undefined,
      coerce: (text: string) => {
        const value = kind.parse(text);
        if (value === undefined) {
          throw new TypeError(`takes ${kind.takes}`);
        }
        return value;
      },
    });
  }
  return convict<Values>(schema as unknown as convict.Schema<Values>, { env: {}, args: [] });
}

function apply(store: Store, { setting, text, from }: Given): void {
  try {
    store.set(setting.key, text);
  } catch {
    const got = setting.sensitive ? 'a secret value' : quote(setting.kind.mask?.(text) ?? text);
    throw new ConfigError(`${setting.key} (${from}): got ${got}, takes ${setting.kind.takes}`, setting.key);
  }
}

function describe(store: Store): Record<string, string> {
  return Object.fromEntries(
    settings.map(({ key, kind, sensitive }) => {
      const text = kind.print(store.get(key as never));
      return [key, sensitive && text !== '' ? '***' : text];
    }),
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
