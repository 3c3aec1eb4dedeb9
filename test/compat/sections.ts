import type { Section } from './case.ts';
import { BASE64 } from './cases/base64.ts';
import { CONSISTENCY } from './cases/consistency.ts';
import { ENCODINGS } from './cases/encodings.ts';
import {
  ENDPOINTS,
  EXTERNAL_URL,
  LOCKED_ENDPOINTS,
  ROUTE_PREFIX,
  TELEMETRY_PATH,
} from './cases/endpoints.ts';
import { JSON_API } from './cases/json-api.ts';
import { LABELS } from './cases/labels.ts';
import { METHODS_AND_STATUSES } from './cases/methods-and-statuses.ts';
import { PROTOBUF_BODIES } from './cases/protobuf-bodies.ts';
import { PUSH_TIMES } from './cases/push-times.ts';
import { OWN_METRICS, SCRAPING } from './cases/scraping.ts';
import { TEXT_BODIES } from './cases/text-bodies.ts';
import { URL_GRAMMAR } from './cases/url-grammar.ts';
import { UTF8_NAMES } from './cases/utf8-names.ts';
import { WITHOUT_CHECK } from './cases/without-check.ts';

export const SECTIONS: readonly Section[] = [
  URL_GRAMMAR,
  BASE64,
  METHODS_AND_STATUSES,
  LABELS,
  PUSH_TIMES,
  CONSISTENCY,
  WITHOUT_CHECK,
  TEXT_BODIES,
  PROTOBUF_BODIES,
  ENCODINGS,
  UTF8_NAMES,
  SCRAPING,
  OWN_METRICS,
  ENDPOINTS,
  LOCKED_ENDPOINTS,
  ROUTE_PREFIX,
  EXTERNAL_URL,
  TELEMETRY_PATH,
  JSON_API,
];
