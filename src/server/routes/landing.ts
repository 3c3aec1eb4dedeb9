import type { RequestHandler } from 'express';

export interface Paths {
  readonly ingest: string;
  readonly metrics: string;
  readonly telemetry: string;
}

/** What a browser sees first: what this is and where the rest is. */
export function landing(paths: Paths, version: string): RequestHandler {
  const link = (path: string, text: string): string =>
    `<li><a href="${escapeHtml(path)}">${escapeHtml(path)}</a>: ${text}</li>`;
  const page = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>PushGatewayRedis</title></head>
<body>
<h1>PushGatewayRedis ${escapeHtml(version)}</h1>
<p>Push samples with <code>POST ${escapeHtml(paths.ingest)}</code>; Prometheus collects them here:</p>
<ul>
${link(paths.metrics, 'the pushed series')}
${link(paths.telemetry, 'metrics of the gateway itself')}
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

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
