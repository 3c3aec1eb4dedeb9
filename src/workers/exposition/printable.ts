/** The text with nothing in it that a terminal or a log would obey. */
export function printable(text: string): string {
  return [...text].map(printableCharacter).join('');
}

export function printableCharacter(character: string): string {
  if (!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character)) return character;
  if (character === '\t') return '\\t';
  if (character === '\r') return '\\r';
  if (character === '\n') return '\\n';
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
