import { execFileSync, spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { buildPusher } from './clients/push-apart.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAMS = [
  'prometheus-pushgateway:prometheus-pushgateway',
  'redis-server:redis-server',
  'redis-cli:redis-tools',
  'curl:curl',
];

/** Installs what is missing, builds the gateway and what else runs by itself; throws when that fails. */
export function setUp(): void {
  process.chdir(ROOT);
  execFileSync('scripts/install-missing.sh', PROGRAMS, { stdio: ['ignore', 2, 2] });
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 2, 2] });
  buildPusher();
}

/** What the figures depend on. */
export function environment(): Record<string, string> {
  // The official gateway writes its version to standard error.
  const version = (command: string): string => {
    const { stdout, stderr } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    return /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? 'unknown';
  };
  return {
    cores: String(cpus().length),
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    redis: version('redis-server'),
    official: version('prometheus-pushgateway'),
  };
}
