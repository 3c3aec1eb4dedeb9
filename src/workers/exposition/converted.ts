import { type LineError, MAX_ERRORS, type RejectReason } from '../messages.ts';
import { NEWLINE } from './character-classes.ts';
import { Scratch } from './scratch.ts';

/**
 * A body in another format as extended text: lines of the text format with created times, exemplars, native histograms,
 * units and all types, as blocks hold them, for `TextParser.parse(text, { extended: true })`.
 */
export interface Converted {
  readonly text: Buffer;
  /** The first of the problems found, by line of the body; by the ordinal of the message in protobuf. */
  readonly errors: readonly LineError[];
  /** What is not in the text because of them: lines, or samples in protobuf. */
  readonly rejected: Readonly<Partial<Record<RejectReason, number>>>;
  /**
   * For each line of the text the line of the body, or the message, that it comes from, so that later problems can be
   * told in the sender's numbering. Undefined for protobuf in strict mode.
   */
  readonly lines: Int32Array | undefined;
  /** Lines of the body, or messages. */
  readonly sourceLines: number;
  /**
   * The problem that ended the conversion. `check`: the body could be read, but its content is not consistent. Always
   * set in strict mode if there is any; in the other mode only if the rest of the body cannot be read.
   */
  readonly problem?: { readonly kind: 'syntax' | 'check'; readonly message: string };
}

/** The text of a conversion as it grows, and what its lines come from. */
export class ConvertedText extends Scratch {
  #lines = new Int32Array(256);
  #count = 0;

  get lineCount(): number {
    return this.#count;
  }

  get lines(): Int32Array {
    return this.#lines.slice(0, this.#count);
  }

  /** Ends a line that comes from this line of the body. */
  endLine(source: number): void {
    this.reserve(1);
    this.byte(NEWLINE);
    if (this.#count === this.#lines.length) {
      const grown = new Int32Array(this.#count * 2);
      grown.set(this.#lines);
      this.#lines = grown;
    }
    this.#lines[this.#count++] = source;
  }

  /** Takes back what came after a state that was noted before. */
  truncate(length: number, lineCount: number): void {
    this.length = length;
    this.#count = lineCount;
  }

  /** Inserts before `at`, within the line that it lies in. */
  insert(at: number, text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.reserve(bytes.length);
    this.bytes.copyWithin(at + bytes.length, at, this.length);
    bytes.copy(this.bytes, at);
    this.length += bytes.length;
  }

  /** Appends text of one byte a character. */
  latin1(text: string): void {
    this.reserve(text.length);
    if (text.length > 64) this.bytes.write(text, this.length, 'latin1');
    else for (let i = 0; i < text.length; i++) this.bytes[this.length + i] = text.charCodeAt(i);
    this.length += text.length;
  }
}

/** The problems of a conversion: how many lines for which reason, and a message for the first of them. */
export class Problems {
  readonly errors: LineError[] = [];
  readonly rejected: Partial<Record<RejectReason, number>> = {};

  /** @param message is asked for only if it is one of the first */
  add(line: number, message: () => string, lines = 1, reason: RejectReason = 'syntax'): void {
    if (this.errors.length < MAX_ERRORS) this.errors.push({ line, message: message() });
    this.rejected[reason] = (this.rejected[reason] ?? 0) + lines;
  }
}
