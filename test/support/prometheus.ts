import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GuardedProcess } from '../../src/redis/guarded-process.ts';
import { SECOND } from '../../src/units.ts';
import { freePort } from './ports.ts';

const START_TIMEOUT_MS = 30 * SECOND;

export interface ScrapeTarget {
  /** `127.0.0.1:9753` */
  readonly address: string;
  /** Default `/metrics`. */
  readonly path?: string;
}

export interface QueryResult {
  readonly labels: Readonly<Record<string, string>>;
  /** As Prometheus writes it: `1`, `0.5`, `NaN`, `+Inf`. */
  readonly value: string;
}

export interface Exemplar {
  readonly series: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
}

/** A Prometheus server of our own that scrapes every second and keeps the labels it is given (`honor_labels`). */
export class Prometheus implements AsyncDisposable {
  readonly url: string;
  readonly #process: GuardedProcess;

  private constructor(url: string, process: GuardedProcess) {
    this.url = url;
    this.#process = process;
  }

  /** Resolves once the server is ready; the first scrape comes about five seconds later. Rejects with its log when it does not come up. */
  static async start(targets: readonly ScrapeTarget[], args: readonly string[] = []): Promise<Prometheus> {
    const directory = await mkdtemp(join(tmpdir(), 'pushgateway-test-prometheus-'));
    const configFile = join(directory, 'prometheus.yml');
    await writeFile(configFile, scrapeConfig(targets));
    const address = `127.0.0.1:${await freePort()}`;
    const server = await GuardedProcess.spawn(
      'prometheus',
      [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${join(directory, 'data')}`,
        `--web.listen-address=${address}`,
        ...args,
      ],
      { directory },
    );
    const started = new Prometheus(`http://${address}`, server);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (server.running && Date.now() < deadline) {
      if (await started.#ready()) return started;
      await sleep(50);
    }
    await server.stop(0);
    throw new Error(`prometheus did not start:\n${server.output}`);
  }

  /** An instant query. Rejects when Prometheus refuses it. */
  async query(expression: string): Promise<QueryResult[]> {
    const response = await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
    const answer = (await response.json()) as {
      status: string;
      error?: string;
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (answer.status !== 'success') throw new Error(`query ${expression}: ${answer.error}`);
    return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: value[1] }));
  }

  /** The exemplars of the series that the expression selects, within the last minute. */
  async exemplars(expression: string): Promise<Exemplar[]> {
    const now = Date.now() / 1000;
    const range = { query: expression, start: String(now - 60), end: String(now + 60) };
    const response = await fetch(`${this.url}/api/v1/query_exemplars?${new URLSearchParams(range)}`);
    const answer = (await response.json()) as {
      data: {
        seriesLabels: Record<string, string>;
        exemplars: { labels: Record<string, string>; value: string }[];
      }[];
    };
    return answer.data.flatMap(({ seriesLabels, exemplars }) =>
      exemplars.map(({ labels, value }) => ({ series: seriesLabels, labels, value })),
    );
  }

  /** The last scrape of each target: health `up`, `down` or `unknown`, and why. */
  async targets(): Promise<{ scrapeUrl: string; health: string; lastError: string }[]> {
    const response = await fetch(`${this.url}/api/v1/targets?state=active`);
    const answer = (await response.json()) as {
      data: { activeTargets: { scrapeUrl: string; health: string; lastError: string }[] };
    };
    return answer.data.activeTargets;
  }

  async stop(): Promise<void> {
    await this.#process.stop(10 * SECOND);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #ready(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/-/ready`, { signal: AbortSignal.timeout(SECOND) });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}

/** What `promtool check metrics` says of an exposition. Status 3 is lint only; 1 means that it does not parse. */
export function checkMetrics(exposition: string): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) => {
      const status = error === null ? 0 : error.code;
      if (typeof status === 'number') resolve({ status, output: stdout + stderr });
      else reject(error);
    });
    child.stdin?.on('error', () => {}); // promtool stops reading at the first error; its status tells
    child.stdin?.end(exposition);
  });
}

// JSON is YAML.
function scrapeConfig(targets: readonly ScrapeTarget[]): string {
  return JSON.stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: targets.map(({ address, path = '/metrics' }, index) => ({
      job_name: `target-${index}`,
      honor_labels: true,
      metrics_path: path,
      static_configs: [{ targets: [address] }],
    })),
  });
}
