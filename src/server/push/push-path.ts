/** Up to the second slash: the label, `job`, `job@base64` or, as some clients write it, `job%40base64`. */
const JOB = /^job(?:(?:@|%40)base64)?\//;

/**
 * What names the group in the path of a push, with its label: `job/a/b/c` of `PREFIX/metrics/job/a/b/c`. Undefined if the
 * path is none of a push. Of the path as it came: what `//`, `%2F` and `..` mean in it is for the grouping key to say.
 *
 * Clients put a slash too many between the address and the path, and take the redirect that would mend it for success:
 * at the beginning they count as one.
 */
export function groupPath(rawPath: string, routePrefix: string): string | undefined {
  const path = rawPath.replace(/^\/{2,}/, '/');
  const start = `${routePrefix}/metrics/`;
  if (!path.startsWith(start)) return undefined;
  const rest = path.slice(start.length);
  // Without anything behind it, it names nothing: the official gateway does not know that path either.
  const label = JOB.exec(rest)?.[0];
  return label !== undefined && label.length < rest.length ? rest : undefined;
}
