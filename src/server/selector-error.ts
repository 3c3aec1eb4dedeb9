/** What was given is not a selector. The message is a sentence without a full stop, for whoever gave it. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}
