import assert from 'node:assert/strict';
import { type AppDeps, createApp } from '../../src/server/app.ts';
import { Lifecycle } from '../../src/server/lifecycle.ts';
import { Listener } from '../../src/server/listener.ts';
import { createLogger } from '../../src/server/logger.ts';
import { adoptMessageClasses } from '../../src/server/message-classes.ts';
import { Telemetry } from '../../src/server/telemetry.ts';

export interface TestApp extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What was logged. */
  readonly lines: readonly string[];
}

/** Serves endpoints on a free port of the loopback interface, with nothing behind them but what they bring along. */
export async function serveEndpoints(
  deps: Pick<AppDeps, 'endpoints' | 'jsonPrefix'> & { readonly telemetry?: Telemetry },
): Promise<TestApp> {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format: 'logfmt' }, { write: (line) => void lines.push(line) });
  const lifecycle = new Lifecycle();
  lifecycle.advance('ready');
  const app = createApp({ ...deps, lifecycle, telemetry: deps.telemetry ?? new Telemetry('1.2.3'), log });
  const listener = await Listener.open(
    {
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      messages: adoptMessageClasses(app),
      onError: assert.ifError,
    },
    app,
  );
  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    lines,
    [Symbol.asyncDispose]: async () => void (await listener.close(0)),
  };
}
