// Run by embedded-server.test.ts: a process that owns an embedded server and, on SIGINT, takes a while to end it.
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedServer } from '../../src/redis/embedded-server.ts';

async function main(): Promise<void> {
  const server = await startEmbeddedServer();
  process.once('SIGINT', async () => {
    await sleep(300);
    await server.stop();
  });
  console.log(JSON.stringify({ pid: server.pid, socketPath: server.socketPath }));
  await server.exited;
}

main().catch((error: Error) => {
  console.log(JSON.stringify({ error: `${error.name}: ${error.message}` }));
  process.exitCode = 1;
});
