import type { ConvertedText } from '../converted.ts';
import { isMetricName } from '../names.ts';
import { toTextHelp } from './metadata-line.ts';
import {
  type OpenMetricsType,
  type SampleRole,
  SUFFIXES,
  textFamilySuffix,
  textType,
} from './metric-types.ts';

export interface SampleName {
  readonly role: SampleRole;
  /** The name as it begins a line of the text: with the opening brace if it has to be in quotes. */
  readonly head: Buffer;
}

/** The metric family whose lines are being read. */
export class FamilyState {
  /** Its characters are bytes, with escapes. */
  readonly name: string;
  readonly isQuoted: boolean;
  help: string | undefined;
  type: OpenMetricsType | undefined;
  unit: string | undefined;
  /** Lines of the body. */
  helpLine = 0;
  typeLine = 0;
  unitLine = 0;
  /** Why nothing of it is taken. */
  refusal: string | undefined;
  /** Its samples have begun, so that its type is final. */
  hasBegun = false;
  #samples: Map<string, SampleName> | undefined;
  /** Label sets that have been seen, where they have to stand together. */
  readonly seen = new Set<string>();

  constructor(name: string) {
    this.name = name;
    const bytes = Buffer.from(name, 'latin1');
    this.isQuoted = !isMetricName(bytes, 0, bytes.length);
  }

  /** Of its metadata. */
  get lastLine(): number {
    return Math.max(this.helpLine, this.typeLine, this.unitLine);
  }

  get effectiveType(): OpenMetricsType {
    return this.type ?? 'unknown';
  }

  /** What a sample of this name would be in the family. */
  sample(name: string): SampleName | undefined {
    this.#samples ??= new Map(
      SUFFIXES[this.effectiveType].map(([suffix, role, textSuffix]) => {
        const text = this.name + textSuffix;
        return [
          this.name + suffix,
          { role, head: Buffer.from(this.isQuoted ? `{"${text}"` : text, 'latin1') },
        ];
      }),
    );
    return this.#samples.get(name);
  }

  /** All names that nothing else in the body may have. */
  names(): string[] {
    return [this.name, ...SUFFIXES[this.effectiveType].map(([suffix]) => this.name + suffix)];
  }

  typeChanged(): void {
    this.#samples = undefined;
  }

  /** What is wrong with the unit, or undefined. */
  unitProblem(): string | undefined {
    if (!this.unit) return undefined;
    if (!this.name.endsWith(`_${this.unit}`)) return 'Expected a unit that the name of the family ends with';
    if (this.type === 'info' || this.type === 'stateset') return `Expected no unit for the type ${this.type}`;
    return undefined;
  }

  writeMetadata(out: ConvertedText): void {
    const name = this.name + textFamilySuffix(this.effectiveType);
    const shown = this.isQuoted ? `"${name}"` : name;
    const write = (keyword: string, text: string | undefined, line: number): void => {
      if (!text) return;
      out.latin1(`# ${keyword} ${shown} ${text}`);
      out.endLine(line);
    };
    write('HELP', this.help && toTextHelp(this.help), this.helpLine);
    write('TYPE', this.type && textType(this.type), this.typeLine);
    write('UNIT', this.unit, this.unitLine);
  }
}
