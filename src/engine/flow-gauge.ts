/** Lines that came in during one second, and how late the latest of them was. */
interface Second {
  readonly number: number;
  lines: number;
  lagMs: number;
}

/** Figures are those of the last seconds. */
const WINDOW_S = 5;

/**
 * How much comes in, and how late: from the last write of a file to the moment its lines are in the view. Costs an
 * addition per chunk.
 */
export class FlowGauge {
  readonly #startedMs: number;
  #seconds: Second[] = [];

  /** `nowMs` here and below: monotonic milliseconds. */
  constructor(nowMs: number) {
    this.#startedMs = nowMs;
  }

  note(nowMs: number, lines: number, lagMs: number): void {
    const number = Math.floor(nowMs / 1000);
    const last = this.#seconds.at(-1);
    if (last?.number === number) {
      last.lines += lines;
      last.lagMs = Math.max(last.lagMs, lagMs);
      return;
    }
    this.#seconds.push({ number, lines, lagMs });
    if (this.#seconds.length > WINDOW_S) this.#seconds.shift();
  }

  /** Lines per second and the longest delay over the last five seconds; nothing came: 0 and 0. */
  figures(nowMs: number): { readonly linesPerSecond: number; readonly lagMs: number } {
    const number = Math.floor(nowMs / 1000);
    this.#seconds = this.#seconds.filter((second) => second.number > number - WINDOW_S);
    const lines = this.#seconds.reduce((sum, second) => sum + second.lines, 0);
    const spanMs = Math.max(1000, Math.min(WINDOW_S * 1000, nowMs - this.#startedMs));
    return {
      linesPerSecond: Math.round((lines * 1000) / spanMs),
      lagMs: Math.round(this.#seconds.reduce((most, second) => Math.max(most, second.lagMs), 0)),
    };
  }
}
