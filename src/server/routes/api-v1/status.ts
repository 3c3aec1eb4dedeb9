import type { RequestHandler } from 'express';
import type { Config } from '../../../../config/config.ts';
import { settings } from '../../../../config/schema.ts';
import { sendJson } from '../../answer.ts';

export interface StatusDeps {
  readonly version: string;
  readonly startTime: Date;
  /** The one in force. */
  config(): Config;
}

/** What runs here, since when and how it is configured, in the official gateway's shape. Secrets are masked. */
export function apiStatus({ version, startTime, config }: StatusDeps): RequestHandler {
  return async (req, res) => {
    const { described } = config();
    await sendJson(req, res, 200, {
      status: 'success',
      data: {
        build_information: {
          branch: '',
          buildDate: '',
          buildUser: '',
          // There is no Go here; what runs the gateway stands in its place.
          goVersion: `node ${process.version}`,
          revision: '',
          version,
        },
        flags: Object.fromEntries(settings.map(({ key, flag }) => [flag, described[key] ?? ''])),
        start_time: startTime.toISOString(),
      },
    });
  };
}
