import { LEVEL_COUNT, type LineTable } from './line-reader.ts';

const MINUTE_MS = 60_000;
/** More spans than this are joined two by two, so that no log makes it grow: a year by the minute has 525,600. */
const MOST_SPANS = 16_384;

/** How many records fall into a span of time, by level number (see `levelNumber`). */
export interface SpanCounts {
  readonly from: number;
  readonly counts: readonly number[];
}

/**
 * Records by time and level. Spans are a minute long, or twice that as often as it takes to have few of them. A record
 * without a time counts at its predecessor's in its block, else at its successor's; of blocks without any time the records
 * are `untimed`.
 */
export class TimeCounts {
  #spanMs = MINUTE_MS;
  #untimed = 0;
  /** Place of a span's counts by its number. */
  #places = new Map<number, number>();
  #counts = new Uint32Array(0);

  get spanMs(): number {
    return this.#spanMs;
  }

  get untimed(): number {
    return this.#untimed;
  }

  get sizeBytes(): number {
    // An entry of a map takes about 40 bytes.
    return this.#counts.byteLength + this.#places.size * 40;
  }

  /** Counts the records of a block. */
  add({ ats, levels, continues, count }: LineTable): void {
    let at = Number.NaN;
    for (let line = 0; line < count && Number.isNaN(at); line += 1) at = ats[line] ?? Number.NaN;
    let place = -1;
    let until = Number.NEGATIVE_INFINITY;
    let from = Number.POSITIVE_INFINITY;
    for (let line = 0; line < count; line += 1) {
      if (continues[line] !== 0) continue;
      const own = ats[line] ?? Number.NaN;
      if (!Number.isNaN(own)) at = own;
      if (Number.isNaN(at)) {
        this.#untimed += 1;
        continue;
      }
      if (at < from || at >= until) {
        place = this.#placeOf(Math.floor(at / this.#spanMs));
        from = Math.floor(at / this.#spanMs) * this.#spanMs;
        until = from + this.#spanMs;
      }
      const slot = place + (levels[line] ?? 0);
      this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    }
  }

  /** Spans that have records and lie in [since, until) in part, in no order. */
  *spans(since: number, until: number): Generator<SpanCounts> {
    for (const [number, place] of this.#places) {
      const from = number * this.#spanMs;
      if (from + this.#spanMs <= since || from >= until) continue;
      yield { from, counts: [...this.#counts.subarray(place, place + LEVEL_COUNT)] };
    }
  }

  clear(): void {
    this.#spanMs = MINUTE_MS;
    this.#untimed = 0;
    this.#places.clear();
    this.#counts = new Uint32Array(0);
  }

  #placeOf(number: number): number {
    const known = this.#places.get(number);
    if (known !== undefined) return known;
    if (this.#places.size >= MOST_SPANS) {
      const at = number * this.#spanMs;
      this.#join();
      return this.#placeOf(Math.floor(at / this.#spanMs));
    }
    const place = this.#places.size * LEVEL_COUNT;
    if (place + LEVEL_COUNT > this.#counts.length) {
      const grown = new Uint32Array(Math.max(64 * LEVEL_COUNT, this.#counts.length * 2));
      grown.set(this.#counts);
      this.#counts = grown;
    }
    this.#places.set(number, place);
    return place;
  }

  /** Doubles the span until there are at most half as many. */
  #join(): void {
    while (this.#places.size > MOST_SPANS / 2) {
      const counts = new Uint32Array(this.#counts.length);
      const places = new Map<number, number>();
      this.#spanMs *= 2;
      for (const [number, place] of this.#places) {
        const joined = Math.floor(number / 2);
        const to = places.get(joined) ?? places.size * LEVEL_COUNT;
        places.set(joined, to);
        for (let level = 0; level < LEVEL_COUNT; level += 1)
          counts[to + level] = (counts[to + level] ?? 0) + (this.#counts[place + level] ?? 0);
      }
      this.#places = places;
      this.#counts = counts;
    }
  }
}
