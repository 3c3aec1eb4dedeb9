import { isUtf8 } from 'node:buffer';
import type { ConvertedText } from '../converted.ts';
import { isMetricName } from '../names.ts';
import type { ValueKind } from './metric-fields.ts';
import type { WireReader } from './wire-reader.ts';

/** Of MetricType, by number: its name there, and in text. */
const TYPES: ReadonlyArray<readonly [name: string, kind: ValueKind, text: string]> = [
  ['COUNTER', 'counter', 'counter'],
  ['GAUGE', 'gauge', 'gauge'],
  ['SUMMARY', 'summary', 'summary'],
  ['UNTYPED', 'untyped', 'untyped'],
  ['HISTOGRAM', 'histogram', 'histogram'],
  ['GAUGE_HISTOGRAM', 'histogram', 'gaugehistogram'],
];

/** A MetricFamily, but for what is in its metrics. */
export class FamilyFields {
  readonly name: Buffer;
  readonly isQuoted: boolean;
  /** What the metrics have to hold. */
  readonly kind: ValueKind;
  readonly typeName: string;
  /** How many. */
  readonly metrics: number;
  readonly #help: Buffer;
  readonly #unit: Buffer;
  readonly #type: string;
  readonly #escapedName: string;
  readonly #heads = new Map<string, Buffer>();

  /** Reads the message that the reader has entered. @throws WireError */
  static read(reader: WireReader): FamilyFields {
    let [name, help, unit]: Buffer[] = [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)];
    let type = 0;
    let metrics = 0;
    while (reader.next()) {
      if (reader.field === 1) name = readBytes(reader);
      else if (reader.field === 2) help = readBytes(reader);
      else if (reader.field === 3) type = reader.int64();
      else if (reader.field === 4) {
        reader.range();
        metrics++;
      } else if (reader.field === 5) unit = readBytes(reader);
      else reader.skip();
    }
    return new FamilyFields(name, help, unit, type, metrics);
  }

  private constructor(name: Buffer, help: Buffer, unit: Buffer, type: number, metrics: number) {
    this.name = name;
    this.isQuoted = !isMetricName(name, 0, name.length);
    this.#help = help;
    this.#unit = unit;
    this.metrics = metrics;
    const known = TYPES[type] ?? [`type ${type}`, 'untyped', ''];
    [this.typeName, this.kind, this.#type] = known;
    // A character for each byte.
    this.#escapedName = escapeSpecial(name, /[\\"\n]/g);
  }

  /** What is wrong with it, as the predicate of a sentence. */
  problem(): string | undefined {
    if (this.#type === '') return `has the unknown ${this.typeName}`;
    if (!isUtf8(this.name)) return 'has a name with invalid UTF-8';
    if (this.name.length === 0) return 'has an empty name';
    if (!isUtf8(this.#help)) return 'has a help text with invalid UTF-8';
    if (!isUtf8(this.#unit)) return 'has a unit with invalid UTF-8';
    return undefined;
  }

  readonly head = (suffix: string): Buffer => {
    let head = this.#heads.get(suffix);
    if (head === undefined) {
      const name = this.#escapedName + suffix;
      head = Buffer.from(this.isQuoted ? `{"${name}"` : name, 'latin1');
      this.#heads.set(suffix, head);
    }
    return head;
  };

  writeMetadata(out: ConvertedText, source: number): void {
    const name = this.isQuoted ? `"${this.#escapedName}"` : this.#escapedName;
    const write = (keyword: string, text: string): void => {
      if (text === '') return;
      out.latin1(`# ${keyword} ${name} ${text}`);
      out.endLine(source);
    };
    write('HELP', escapeSpecial(this.#help, /[\\\n]/g));
    write('TYPE', this.#type);
    // It may stand in a line of its own only.
    write('UNIT', /\n/.test(this.#unit.toString('latin1')) ? '' : this.#unit.toString('latin1'));
  }
}

function readBytes(reader: WireReader): Buffer {
  reader.range();
  return reader.bytes.subarray(reader.start, reader.end);
}

function escapeSpecial(bytes: Buffer, special: RegExp): string {
  return bytes
    .toString('latin1')
    .replace(special, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
