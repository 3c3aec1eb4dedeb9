import type { CommentLine } from './comment-line.ts';
import type { FamilyTable } from './families.ts';
import { shownName } from './names.ts';
import type { Rejections } from './rejections.ts';
import { isValidUtf8 } from './utf8.ts';

/** Takes what HELP, TYPE and UNIT lines say of the families of a block. */
export class MetadataLines {
  /** Whether each name may have one HELP and one TYPE only, and the TYPE before all samples. */
  strict = false;
  readonly #families: FamilyTable;
  readonly #rejections: Rejections;
  readonly #comment: CommentLine;

  constructor(comment: CommentLine, families: FamilyTable, rejections: Rejections) {
    this.#comment = comment;
    this.#families = families;
    this.#rejections = rejections;
  }

  /** @param start the offset of the `#` */
  take(text: Buffer, start: number, end: number, line: number): void {
    const comment = this.#comment;
    const isMistake =
      !comment.scan(text, start, end) ||
      (comment.keyword === 'TYPE' && !this.#takeType(text, line)) ||
      (comment.keyword === 'HELP' && !this.#takeHelp(text, line)) ||
      (comment.keyword === 'UNIT' && !this.#takeUnit(text, line));
    if (isMistake) this.#rejections.line(line, 'syntax', comment.problem, text, comment.problemAt, end);
  }

  #takeType(text: Buffer, line: number): boolean {
    const comment = this.#comment;
    const type = comment.type(text);
    if (type === undefined) return false;
    if (this.strict && !this.#families.declareHere(comment.name, type)) {
      return comment.fail(
        `Expected one TYPE for ${shownName(comment.name)}, before its samples`,
        comment.textStart,
      );
    }
    const declared = this.#families.typeOf(comment.name);
    if (declared === undefined) {
      // Nothing was declared beforehand, as there are neither histograms nor summaries.
      this.#families.declare(comment.name, type);
    } else if (type !== declared) {
      return comment.fail(
        `Expected one type for ${shownName(comment.name)}, here ${declared}`,
        comment.textStart,
      );
    }
    const family = this.#families.enlist(comment.name, line);
    family.type = type;
    family.typeLine ||= line;
    return true;
  }

  #takeHelp(text: Buffer, line: number): boolean {
    const comment = this.#comment;
    if (!isValidUtf8(text, comment.textStart, comment.textEnd)) {
      return comment.fail('Expected valid UTF-8', comment.textStart);
    }
    const help = comment.help(text);
    if (help === undefined) return false;
    // Help for x_count of a histogram x is of no use: x_count is no family of its own.
    const { role } = this.#families.member(comment.name);
    if (role === 'bucket' || role === 'sum' || role === 'count') return true;
    const family = this.#families.enlist(comment.name, line);
    if (family.help !== undefined && (this.strict || family.help !== help)) {
      return comment.fail(`Expected one help text for ${shownName(comment.name)}`, comment.textStart);
    }
    family.help = help;
    return true;
  }

  #takeUnit(text: Buffer, line: number): boolean {
    const comment = this.#comment;
    if (!isValidUtf8(text, comment.textStart, comment.textEnd)) {
      return comment.fail('Expected valid UTF-8', comment.textStart);
    }
    const unit = text.toString('utf8', comment.textStart, comment.textEnd);
    const family = this.#families.enlist(comment.name, line);
    if (family.unit !== undefined && (this.strict || family.unit !== unit)) {
      return comment.fail(`Expected one unit for ${shownName(comment.name)}`, comment.textStart);
    }
    family.unit = unit;
    return true;
  }
}
