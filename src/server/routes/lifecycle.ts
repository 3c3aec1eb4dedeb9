import type { RequestHandler } from 'express';
import { ConfigError } from '../../../config/config-error.ts';
import { sendText } from '../answer.ts';
import { RequestError, StartError } from '../errors.ts';
import { describeReload, type ReloadReport } from '../reload.ts';

/** Lets the endpoint through if the operator has enabled it. The words are those of the official gateway. */
export function whenLifecycleEnabled(enabled: boolean, handler: RequestHandler): RequestHandler {
  if (enabled) return handler;
  return () => {
    throw new RequestError('ERR_FORBIDDEN', 'Lifecycle API is not enabled.');
  };
}

export function quit(onQuit: () => void): RequestHandler {
  return async (req, res) => {
    res.once('close', onQuit);
    await sendText(req, res, 200, 'Requesting termination... Goodbye!');
  };
}

export function reload(run: () => Promise<ReloadReport>): RequestHandler {
  return async (req, res) => {
    let report: ReloadReport;
    try {
      report = await run();
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
      throw new RequestError('ERR_RELOAD', error.message, { cause: error });
    }
    await sendText(req, res, 200, describeReload(report));
  };
}
