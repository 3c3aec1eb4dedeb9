import type { Row } from './row.ts';
import { fiftyClients } from './rows/fifty-clients.ts';
import { issue313 } from './rows/issue-313.ts';
import { ingestMillion, putMillion, scrapeMillion } from './rows/million.ts';
import { oneLineWhileScraped } from './rows/one-line.ts';

/** All there is to measure, in the order of the table. */
export const ROWS: readonly Row[] = [
  ingestMillion,
  putMillion,
  scrapeMillion,
  oneLineWhileScraped,
  fiftyClients,
  issue313,
];
