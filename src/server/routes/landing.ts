import type { RequestHandler } from 'express';

export interface Paths {
  readonly ingest: string;
  readonly metrics: string;
  readonly telemetry: string;
}

export interface LandingOptions {
  readonly paths: Paths;
  readonly routePrefix: string;
  readonly version: string;
}

/** What a browser sees first: what this is and where the rest is. */
export function landing({ paths, routePrefix, version }: LandingOptions): RequestHandler {
  const at = (path: string): string => escapeHtml(routePrefix + path);
  const link = (path: string, text: string): string =>
    `<li><a href="${at(path)}">${at(path)}</a>: ${text}</li>`;
  const command = (method: string, path: string, text: string): string =>
    `<li><code>${method} ${at(path)}</code>: ${text}</li>`;
  const page = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>PushGatewayRedis</title></head>
<body>
<h1>PushGatewayRedis ${escapeHtml(version)}</h1>
<p>To push:</p>
<ul>
${command('PUT', '/metrics/job/JOB/LABEL/VALUE', 'replaces the group of these labels (<code>POST</code>: its families that the body names; <code>DELETE</code>: deletes it)')}
${command('POST', paths.ingest, 'stores series without a group, in bodies of any size')}
${command('POST', '/api/v1/push', 'several groups in one request')}
</ul>
<p>Prometheus collects what was pushed here:</p>
<ul>
${link(paths.metrics, 'everything that was pushed')}
${link(paths.telemetry, 'metrics of the gateway itself')}
</ul>
<p>To look at it:</p>
<ul>
${link('/api/v1/groups', 'the groups, in JSON')}
${link('/api/v1/metrics', 'the groups and what they hold')}
${link('/api/v1/status', 'version and configuration')}
${link('/-/healthy', 'is the process alive?')}
${link('/-/ready', 'does it take pushes and scrapes?')}
</ul>
</body>
</html>
`;
  return (_req, res) => {
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    res.end(page);
  };
}

/** To the page itself, for those who leave the slash after the prefix away. */
export function toLanding(routePrefix: string): RequestHandler {
  return (_req, res) => {
    res.statusCode = 301;
    res.setHeader('Location', `${routePrefix}/`);
    res.end();
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
