const PARAMETER = /;[ \t]*([^=;\s]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))[ \t]*/y;

/** The parameters of a header such as Content-Type or Content-Disposition, by name in small letters. Undefined: it is none. */
export function headerParameters(header: string): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>();
  let at = header.indexOf(';');
  if (at < 0) return parameters;
  while (at < header.length) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(header);
    // A lone `;` at the end is common.
    if (match === null) return header.slice(at).trim() === ';' ? parameters : undefined;
    const [whole, name, inQuotes, token] = match as unknown as [string, string, string?, string?];
    // Other backslashes are kept: browsers and curl escape these two at most.
    parameters.set(name.toLowerCase(), inQuotes?.replaceAll(/\\(["\\])/g, '$1') ?? token ?? '');
    at += whole.length;
  }
  return parameters;
}
