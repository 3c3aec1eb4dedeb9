import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { MIB } from '../units.ts';

export type Logger = PinoLogger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'logfmt' | 'json';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

const FLUSH_MS = 500;

export interface LogOutput extends DestinationStream {
  /** Writes what waits, for as long as a reader that does not stall needs. For the end of the process. */
  flush(): void;
}

/**
 * Standard error, as the original has it. Written in the background, so that a reader of the log that stalls does not
 * stall the gateway; beyond the bound events are dropped. A reader that has gone ends the log and nothing else.
 */
export function standardError(): LogOutput {
  let giveUpAt = Number.POSITIVE_INFINITY;
  const output = pino.destination({
    fd: 2,
    sync: false,
    maxLength: 4 * MIB,
    retryEAGAIN: () => performance.now() < giveUpAt,
  });
  const flush = (): void => {
    giveUpAt = performance.now() + FLUSH_MS;
    try {
      output.flushSync();
    } catch {
      // Nobody reads the rest of the log.
    }
  };
  return Object.assign(output, { flush });
}

/** One line an event, whatever is in its values. Log flat keys in snake_case, times as `duration_ms`, errors as `err`. */
export function createLogger(options: LogOptions, output: DestinationStream): Logger {
  const format = options.format === 'json' ? escapeControls : toLogfmt;
  return pino(
    {
      level: options.level,
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorText },
      redact: {
        paths: ['authorization', 'cookie', 'password', '*.authorization', '*.cookie', '*.password'],
        censor: '[redacted]',
      },
    },
    { write: (line: string) => output.write(format(line)) },
  );
}

/** Message and causes in one line: where it happened is for those who debug, and logged as `stack`. */
function errorText(error: unknown): string {
  const texts: string[] = [];
  let cause: unknown = error;
  while (cause !== undefined && texts.length < 5) {
    const text = cause instanceof Error ? cause.message || cause.name : String(cause);
    // Some messages have that of their cause in them already.
    if (!texts.some((said) => said.includes(text))) texts.push(text);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return texts.join(': ');
}

/** `{"level":"info","ts":"…","msg":"…"}` as `ts=… level=info msg="…"`: https://brandur.org/logfmt. */
function toLogfmt(json: string): string {
  const { ts, level, msg, ...rest } = JSON.parse(json) as Record<string, unknown>;
  let line = `ts=${ts} level=${level} msg=${logfmtValue(msg ?? '')}`;
  for (const [key, value] of Object.entries(rest)) {
    line += ` ${key.replace(/[^\w.-]/g, '_')}=${logfmtValue(value)}`;
  }
  return `${line}\n`;
}

function logfmtValue(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  return /^[\w.:/@%+,[\]()*-]+$/.test(text) ? text : escapeControls(JSON.stringify(text));
}

/**
 * JSON escapes the C0 controls and leaves the others, some of which a terminal obeys (CSI) and some of which end a
 * line for some readers; it may also carry marks that turn the direction of the text around.
 */
function escapeControls(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
