import { BACKSLASH, NINE, ZERO } from '../../workers/exposition/character-classes.ts';
import { parseNumber } from '../../workers/exposition/numbers.ts';
import type { ProtobufBytes } from './protobuf-bytes.ts';
import type { ShownNames } from './shown-names.ts';
import { LABEL_STRIDE, StoredLine, unescapeText } from './stored-line.ts';

const LARGEST_UINT64 = 2 ** 64;

/** What of io.prometheus.client several kinds of metrics have: labels, numbers, times, exemplars. */
export class MetricParts {
  readonly #out: ProtobufBytes;
  readonly #names: ShownNames;
  readonly #exemplar = new StoredLine();

  constructor(out: ProtobufBytes, names: ShownNames) {
    this.#out = out;
    this.#names = names;
  }

  /** LabelPair, of the first so many labels of a line. */
  labels(field: number, text: Buffer, line: StoredLine, count: number): void {
    const out = this.#out;
    const names = this.#names.labels(text, line);
    for (let i = 0; i < count; i++) {
      const at = i * LABEL_STRIDE;
      const pair = out.open(field);
      if (names === undefined) this.#content(1, text, line.labels[at], line.labels[at + 1]);
      else out.text(1, names[i]);
      this.#content(2, text, line.labels[at + 2], line.labels[at + 3]);
      out.close(pair);
    }
  }

  /** Exemplar, of a line that has one. */
  exemplar(field: number, text: Buffer, line: StoredLine): void {
    const out = this.#out;
    const exemplar = this.#exemplar;
    exemplar.scanExemplar(text, line);
    const message = out.open(field);
    this.labels(1, text, exemplar, exemplar.labelCount);
    out.double(2, numberIn(text, exemplar.valueStart, exemplar.valueEnd));
    if (exemplar.timestampStart >= 0)
      this.time(3, text.toString('latin1', exemplar.timestampStart, exemplar.timestampEnd));
    out.close(message);
  }

  /** Timestamp, of decimal seconds. */
  time(field: number, seconds: string): void {
    const out = this.#out;
    const [whole, nanos] = splitSeconds(seconds);
    const message = out.open(field);
    if (whole !== 0n) out.uint64(1, whole);
    if (nanos !== 0) out.uint64(2, nanos);
    out.close(message);
  }

  #content(field: number, text: Buffer, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      if (text[i] === BACKSLASH) {
        this.#out.text(field, unescapeText(text, start, end));
        return;
      }
    }
    this.#out.slice(field, text, start, end);
  }
}

export function numberIn(text: Buffer, start: number, end: number): number {
  if (end - start > 15) return parseNumber(text.toString('latin1', start, end));
  let value = 0;
  for (let i = start; i < end; i++) {
    const byte = text[i];
    if (byte < ZERO || byte > NINE) return parseNumber(text.toString('latin1', start, end));
    value = value * 10 + byte - ZERO;
  }
  return value;
}

/** A count, exact if it is whole; or undefined if it cannot be a uint64. */
export function countIn(text: Buffer, start: number, end: number): number | bigint | undefined {
  const value = numberIn(text, start, end);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  if (!Number.isInteger(value) || value < 0 || value > LARGEST_UINT64) return undefined;
  const digits = text.toString('latin1', start, end);
  const exact = BigInt(/^\d+$/.test(digits) ? digits : value);
  return exact < 2n ** 64n ? exact : undefined;
}

/** Seconds and nanoseconds, the latter not negative. */
export function splitSeconds(text: string): [seconds: bigint, nanos: number] {
  const match = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null) {
    const value = Number(text);
    if (!Number.isFinite(value)) return [0n, 0];
    const whole = Math.floor(value);
    return [BigInt(whole), Math.floor((value - whole) * 1e9)];
  }
  const [, sign, whole, fraction = ''] = match;
  const seconds = BigInt(whole);
  const nanos = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign !== '-') return [seconds, nanos];
  return nanos === 0 ? [-seconds, 0] : [-seconds - 1n, 1e9 - nanos];
}
