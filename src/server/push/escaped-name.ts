const PREFIX = 'U__';
const ESCAPED = /^U__(?:[^_]|__|_[0-9a-fA-F]{1,6}_)*$/s;

/**
 * Prometheus's value encoding of names: `U__foo_2e_bar` is `foo.bar`. A name that is not of this form, or that names
 * what is no character, is itself.
 */
export function unescapeName(name: string): string {
  if (!ESCAPED.test(name)) return name;
  let valid = true;
  const unescaped = name.slice(PREFIX.length).replaceAll(/__|_([0-9a-fA-F]+)_/g, (_, hex?: string) => {
    if (hex === undefined) return '_';
    const point = Number.parseInt(hex, 16);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      valid = false;
      return '';
    }
    return String.fromCodePoint(point);
  });
  return valid ? unescaped : name;
}

/** A name that `unescapeName` reads back, of letters, digits and `_` alone. */
export function escapeName(name: string): string {
  const escaped = name.replaceAll(/[^a-zA-Z0-9]/gu, (character) =>
    character === '_' ? '__' : `_${(character.codePointAt(0) as number).toString(16)}_`,
  );
  return PREFIX + escaped;
}
