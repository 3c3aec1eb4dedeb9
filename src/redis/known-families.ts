/** A name and what is known of it take some 150 bytes. */
const MOST_FAMILIES = 20_000;

/**
 * What scrapes have found out of some families, by name, for those after them. Knowledge that may be lost at any time. Who
 * comes first stays, as each scrape asks for all of them, mostly in the same order; but now and then it begins anew, as
 * families end.
 */
export class KnownFamilies<Known> {
  readonly #known = new Map<string, Known>();
  #refused = 0;

  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  get(family: string): Known | undefined {
    return this.#known.get(family);
  }

  set(family: string, known: Known): void {
    if (this.#known.has(family) || this.#hasRoom()) this.#known.set(family, known);
  }

  delete(family: string): void {
    this.#known.delete(family);
  }

  #hasRoom(): boolean {
    if (this.#known.size < MOST_FAMILIES) return true;
    if (++this.#refused < MOST_FAMILIES) return false;
    this.#refused = 0;
    this.#known.clear();
    return true;
  }
}
