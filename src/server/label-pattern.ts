import { RE2JS, RE2JSSyntaxException } from 're2js';
import { KIB } from '../units.ts';
import { SelectorError } from './selector-error.ts';

/** Characters of one pattern. */
const MAX_LENGTH = KIB;
/** Instructions of a compiled pattern: `x{1000}` is short, but each byte of a value may go through all of its states. */
const MAX_INSTRUCTIONS = 4000;

/**
 * A regular expression as Prometheus takes them: RE2's syntax, against the whole value, and a dot is a newline too. It
 * takes linear time whatever was asked for, which JavaScript's own would not.
 */
export function labelPattern(source: string): (value: string) => boolean {
  if (source.length > MAX_LENGTH)
    throw new SelectorError(`a regular expression is longer than ${MAX_LENGTH} characters`);
  const pattern = compile(source);
  if (pattern.programSize() > MAX_INSTRUCTIONS)
    throw new SelectorError(`the regular expression ${JSON.stringify(source)} is too large`);
  return (value) => pattern.testExact(value);
}

function compile(source: string): RE2JS {
  try {
    return RE2JS.compile(source, RE2JS.DOTALL);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    throw new SelectorError(
      `${JSON.stringify(source)} is not a regular expression: ${error.message.replace(/^error parsing regexp: /, '')}`,
    );
  }
}
