/** A mistake in the command line, the environment or the configuration file. The message is one line for the operator. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'ERR_CONFIG';
  /** Key of the setting at fault, such as `redis.timeout`; undefined if it is none in particular. */
  readonly setting: string | undefined;

  constructor(message: string, setting?: string) {
    super(message);
    this.setting = setting;
  }
}

const MAX_QUOTED = 80;

/** What someone wrote, safe to print on one line: quoted, control characters escaped, clipped. */
export function quote(text: string): string {
  const clipped = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return JSON.stringify(clipped).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
