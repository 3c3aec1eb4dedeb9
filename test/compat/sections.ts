import type { Section } from './case.ts';
import { BASE64 } from './cases/base64.ts';
import { LABELS } from './cases/labels.ts';
import { METHODS_AND_STATUSES } from './cases/methods-and-statuses.ts';
import { PUSH_TIMES } from './cases/push-times.ts';
import { URL_GRAMMAR } from './cases/url-grammar.ts';

export const SECTIONS: readonly Section[] = [URL_GRAMMAR, BASE64, METHODS_AND_STATUSES, LABELS, PUSH_TIMES];
