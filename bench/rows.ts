import type { Row } from './row.ts';
import { churn } from './rows/churn.ts';
import { coldStart } from './rows/cold-start.ts';
import { eventLoop } from './rows/event-loop.ts';
import { fiftyClients } from './rows/fifty-clients.ts';
import { issue313 } from './rows/issue-313.ts';
import { manyFamilies } from './rows/many-families.ts';
import { manySources, tinySources } from './rows/many-sources.ts';
import { memory1m, memory5m } from './rows/memory.ts';
import { ingestMillion, putMillion, scrapeMillion } from './rows/million.ts';
import { oneLineWhileScraped } from './rows/one-line.ts';
import { gzip, oneFamily, shuffled } from './rows/other-bodies.ts';
import { clusterVsServer, foreignKeys, workers } from './rows/other-setups.ts';
import { redisCpu, redisMemory } from './rows/redis.ts';
import { scaling } from './rows/scaling.ts';

/** All there is to measure, in the order of the table: those with a goal, then what is good to know. */
export const ROWS: readonly Row[] = [
  ingestMillion,
  putMillion,
  scrapeMillion,
  oneLineWhileScraped,
  fiftyClients,
  issue313,
  manySources,
  manyFamilies,
  churn,
  memory1m,
  memory5m,
  scaling,
  redisCpu,
  redisMemory,
  eventLoop,
  coldStart,
  tinySources,
  shuffled,
  oneFamily,
  gzip,
  workers,
  clusterVsServer,
  foreignKeys,
];
