import { BlockView } from '../redis/block.ts';

/** The lines of each entry of a block that has not been stored yet. */
export function entryTexts(value: Buffer): Buffer[] {
  const view = BlockView.of(value);
  let at = view.textAt;
  return Array.from({ length: view.count }, (_, entry) => {
    const text = view.value.subarray(at, at + view.length(entry));
    at += text.length;
    return text;
  });
}
