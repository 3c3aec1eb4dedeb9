import { randomNumbers } from './random.ts';
import { digits, familyHead, sampleValue, seriesLine } from './series.ts';

const WIDTH = 9;
const PLACE = 'X'.repeat(WIDTH);

/** The small body of one of many sources. All are alike but for the number of the source in each line. */
export class SourceBody {
  /** Without HELP and TYPE. */
  readonly sampleBytes: number;
  readonly series: number;
  readonly #template: Buffer;
  readonly #places: number[] = [];

  constructor(spec: { readonly families: number; readonly seriesPerFamily: number }) {
    const random = randomNumbers(1);
    const lines: string[] = [];
    let sampleBytes = 0;
    for (let family = 0; family < spec.families; family++) {
      lines.push(familyHead(family));
      for (let number = 0; number < spec.seriesPerFamily; number++) {
        const line = seriesLine(family, number, PLACE, sampleValue(random()));
        sampleBytes += line.length;
        lines.push(line);
      }
    }
    this.#template = Buffer.from(lines.join(''), 'latin1');
    for (let at = this.#template.indexOf(PLACE); at >= 0; at = this.#template.indexOf(PLACE, at + WIDTH))
      this.#places.push(at);
    this.sampleBytes = sampleBytes;
    this.series = spec.families * spec.seriesPerFamily;
  }

  /** Of its own: whoever sends it may do so while another is filled in. */
  of(source: number): Buffer {
    const body = Buffer.from(this.#template);
    const number = digits(source, WIDTH);
    for (const place of this.#places) body.write(number, place, 'latin1');
    return body;
  }
}
