import { COMMA, EQUALS, QUOTE } from '../character-classes.ts';
import { MAX_LABELS } from '../line-labels.ts';
import { isLabelName } from '../names.ts';
import { Scratch } from '../scratch.ts';
import { copyEscaped } from './name-text.ts';
import type { OpenMetricsSample } from './sample-line.ts';

/** Up to here insertion sort is the fastest; beyond it, it would be quadratic. */
const SMALL = 16;

/** The labels of a sample in order of their names, rendered as they are stored, without braces. */
export class LabelText {
  readonly text = new Scratch();
  readonly #order = new Int32Array(MAX_LABELS);
  #body: Buffer = Buffer.alloc(0);
  #sample: OpenMetricsSample | undefined;
  readonly #compare = (a: number, b: number): number => this.#compareNames(a, b);

  /**
   * @param except the label that is not among them, or -1
   * @returns the label whose name is there twice, or -1
   */
  render(body: Buffer, sample: OpenMetricsSample, except: number): number {
    this.#body = body;
    this.#sample = sample;
    this.text.length = 0;
    const last = except === sample.labels - 1 ? except - 1 : sample.labels - 1;
    if (sample.isPlain && (except < 0 || except > last) && this.#isInOrder(last)) {
      // As most clients send them: they can be taken as they stand.
      if (last < 0) return -1;
      const start = sample.labelStart[0];
      const end = sample.valueEnd[last] + 1;
      this.text.reserve(end - start);
      this.text.copy(body, start, end);
      return -1;
    }
    const count = this.#sort(sample.labels, except);
    for (let i = 0; i < count; i++) {
      const label = this.#order[i];
      if (i > 0) {
        if (this.#compareNames(this.#order[i - 1], label) === 0) return label;
        this.text.reserve(1);
        this.text.byte(COMMA);
      }
      writeLabel(this.text, body, sample, label);
    }
    return -1;
  }

  equals(other: LabelText): boolean {
    const { length, bytes } = this.text;
    if (length !== other.text.length) return false;
    const others = other.text.bytes;
    // Differences are more often at the end.
    for (let i = length - 1; i >= 0; i--) if (bytes[i] !== others[i]) return false;
    return true;
  }

  key(): string {
    return this.text.bytes.toString('latin1', 0, this.text.length);
  }

  #isInOrder(last: number): boolean {
    for (let label = 1; label <= last; label++) if (this.#compareNames(label - 1, label) >= 0) return false;
    return true;
  }

  #sort(labels: number, except: number): number {
    const order = this.#order;
    let count = 0;
    for (let label = 0; label < labels; label++) if (label !== except) order[count++] = label;
    if (count > SMALL) {
      order.subarray(0, count).sort(this.#compare);
      return count;
    }
    for (let i = 1; i < count; i++) {
      const label = order[i];
      let at = i;
      while (at > 0 && this.#compareNames(order[at - 1], label) > 0) {
        order[at] = order[at - 1];
        at--;
      }
      order[at] = label;
    }
    return count;
  }

  #compareNames(a: number, b: number): number {
    const sample = this.#sample as OpenMetricsSample;
    const body = this.#body;
    const { labelStart, labelEnd } = sample;
    let i = labelStart[a];
    let j = labelStart[b];
    while (i < labelEnd[a] && j < labelEnd[b]) {
      const difference = body[i++] - body[j++];
      if (difference !== 0) return difference;
    }
    return labelEnd[a] - i - (labelEnd[b] - j);
  }
}

/** Appends `name="value"`, the name in quotes if it has to be. */
export function writeLabel(out: Scratch, body: Buffer, sample: OpenMetricsSample, label: number): void {
  const nameStart = sample.labelStart[label];
  const nameEnd = sample.labelEnd[label];
  const quoted = sample.isLabelQuoted[label] === 1 && !isLabelName(body, nameStart, nameEnd);
  out.reserve(nameEnd - nameStart + 5);
  if (quoted) {
    out.byte(QUOTE);
    copyEscaped(out, body, nameStart, nameEnd);
    out.reserve(4);
    out.byte(QUOTE);
  } else {
    out.copy(body, nameStart, nameEnd);
  }
  out.byte(EQUALS);
  out.byte(QUOTE);
  copyEscaped(out, body, sample.valueStart[label], sample.valueEnd[label]);
  out.reserve(2);
  out.byte(QUOTE);
}
