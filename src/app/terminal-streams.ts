import { EventEmitter } from 'node:events';
import { ENTER_ALTERNATE, LEAVE_ALTERNATE } from './terminal-modes.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a terminal measures, in character cells; never less than 1. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

type Written = () => void;
type Write = (data: string | Uint8Array, encoding?: unknown, written?: unknown) => boolean;

/**
 * The stream Ink draws on. It passes writes through at once, remembers whether the alternate screen is on, and goes
 * deaf when the terminal is closed: Ink draws a last frame on the way out, which would land on the operator's shell.
 */
export class DrawnOutput extends EventEmitter {
  readonly isTTY = true;
  readonly writable = true;
  readonly writableEnded = false;
  readonly destroyed = false;
  private readonly real: NodeJS.WriteStream;
  private readonly pass: Write;
  private deaf = false;
  private inAlternate = false;

  constructor(real: NodeJS.WriteStream) {
    super();
    this.real = real;
    this.pass = real.write.bind(real) as Write;
    this.setMaxListeners(0);
  }

  get columns(): number {
    return atLeastOne(this.real.columns, 80);
  }

  get rows(): number {
    return atLeastOne(this.real.rows, 24);
  }

  /** Whether the alternate screen is on, as far as was written here. */
  get isAlternate(): boolean {
    return this.inAlternate;
  }

  write(data: string | Uint8Array, encoding?: unknown, written?: unknown): boolean {
    const done = typeof encoding === 'function' ? encoding : written;
    if (this.deaf) {
      if (typeof done === 'function') queueMicrotask(done as Written);
      return true;
    }
    if (typeof data === 'string') this.follow(data);
    return this.pass(data, encoding, written);
  }

  /** Passes `text` on though deaf to Ink: the terminal's own last words. Errors (a terminal hung up) are nobody's. */
  writeLast(text: string): void {
    this.follow(text);
    try {
      this.pass(text);
    } catch {
      // The terminal is gone: nothing is left to restore.
    }
  }

  goDeaf(): void {
    this.deaf = true;
  }

  listen(): void {
    this.deaf = false;
  }

  private follow(text: string): void {
    const entered = text.lastIndexOf(ENTER_ALTERNATE);
    const left = text.lastIndexOf(LEAVE_ALTERNATE);
    if (entered !== left) this.inAlternate = entered > left;
  }
}

function atLeastOne(value: number | undefined, otherwise: number): number {
  return value !== undefined && value > 0 ? value : otherwise;
}

/**
 * The input stream given to Ink: a terminal that never says anything. Ink's own reader takes the `B` of a split Down
 * arrow for a letter, so only our decoder reads the real one.
 */
export class SilentInput extends EventEmitter {
  readonly isTTY = true;
  readonly isRaw = true;
  setRawMode(): this {
    return this;
  }
  setEncoding(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  read(): null {
    return null;
  }
  resume(): this {
    return this;
  }
  pause(): this {
    return this;
  }
}

/**
 * Takes what strays to a stream while the screen is up (a library's warning, `console.log`) to `divert`. Returns the
 * end of it.
 */
export function divertWrites(stream: NodeJS.WriteStream, divert: (text: string) => void): () => void {
  const original = stream.write;
  const diverted = (data: string | Uint8Array, encoding?: unknown, written?: unknown): boolean => {
    divert(typeof data === 'string' ? data : new TextDecoder().decode(data));
    const done = typeof encoding === 'function' ? encoding : written;
    if (typeof done === 'function') queueMicrotask(done as Written);
    return true;
  };
  stream.write = diverted as typeof stream.write;
  return () => {
    if (stream.write === (diverted as typeof stream.write)) stream.write = original;
  };
}

const SHOW_CURSOR = '\x1b[?25h';

/**
 * Keeps escape sequences out of a redirected stderr: a library below Ink shows the cursor there as the process exits,
 * whether it is a terminal or a file.
 */
export function keepPlain(stream: NodeJS.WriteStream): void {
  if (stream.isTTY) return;
  const original = stream.write.bind(stream) as Write;
  const plain = (data: string | Uint8Array, encoding?: unknown, written?: unknown): boolean =>
    data === SHOW_CURSOR || original(data, encoding, written);
  stream.write = plain as typeof stream.write;
}
