import { isAscii } from 'node:buffer';
import { decodeBytes, detectEncoding, type Encoding } from '../host/text-encoding.ts';

/** One complete line, as it goes to a parser. */
export interface SplitLine {
  readonly text: string;
  /** Byte offset of its first byte in its file. */
  readonly offset: number;
  readonly cut?: true;
}

/** Where a splitter stands, as plain data. The unfinished line's bytes lie in its file, right before the position. */
export interface SplitterState {
  readonly heldBytes: number;
  /** The rest of a line that was cut is being left out. */
  readonly skipping?: true;
  readonly encoding?: Encoding;
}

const NEWLINE = 0x0a;
const zeros = Buffer.alloc(4096);

/**
 * Bytes to lines. Bytes stay bytes until their line is whole, so that a character split over two reads is never
 * broken. Lines longer than the cap are handed on at once, cut and marked, and their rest is skipped; zero bytes before
 * a line (the hole an appending writer leaves after somebody emptied its file) are skipped too.
 */
export class LineSplitter {
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Offset of the first held byte; of the next byte to come when nothing is held. */
  #lineAt: number;
  #skipping: boolean;
  #encoding: Encoding | undefined;
  readonly #maxLineBytes: number;

  /**
   * `offset`: where the first byte pushed lies in its file. With `skipFirst` everything up to the first newline is left
   * out. Without `encoding` the first bytes decide.
   */
  constructor(maxLineBytes: number, offset = 0, skipFirst = false, encoding?: Encoding) {
    this.#maxLineBytes = Math.max(16, maxLineBytes);
    this.#lineAt = offset;
    this.#skipping = skipFirst;
    this.#encoding = encoding;
  }

  /** Goes on as another one stood at `offset`; `held` are the bytes of its unfinished line. */
  static resume(maxLineBytes: number, offset: number, state: SplitterState, held: Buffer): LineSplitter {
    const at = offset - held.length;
    const splitter = new LineSplitter(maxLineBytes, at, state.skipping === true, state.encoding);
    if (held.length > 0) splitter.#hold(held);
    return splitter;
  }

  /** Bytes of an unfinished line. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get state(): SplitterState {
    return {
      heldBytes: this.#heldBytes,
      ...(this.#skipping ? { skipping: true } : {}),
      ...(this.#encoding === undefined ? {} : { encoding: this.#encoding }),
    };
  }

  /** Text of the unfinished line so far. */
  get rest(): string {
    const lines: SplitLine[] = [];
    LineSplitter.resume(
      this.#maxLineBytes,
      this.#lineAt + this.#heldBytes,
      this.state,
      Buffer.concat(this.#held),
    ).flush(lines, true);
    return lines[0]?.text ?? '';
  }

  /** Takes the next bytes and appends the lines they complete to `lines`. The buffer may be reused afterwards. */
  push(bytes: Buffer, lines: SplitLine[]): void {
    let rest = bytes;
    if (this.#encoding === undefined) {
      const head = this.#heldBytes > 0 ? Buffer.concat([...this.#held, bytes]) : bytes;
      // Two bytes may be the beginning of a mark or of UTF-16; a newline among fewer than four says it is short text.
      if (head.length < 4 && !head.includes(NEWLINE)) {
        if (bytes.length > 0) this.#hold(bytes);
        return;
      }
      const { encoding, markBytes } = detectEncoding(head);
      this.#encoding = encoding;
      this.#held = [];
      this.#heldBytes = 0;
      this.#lineAt += markBytes;
      rest = head.subarray(markBytes);
    }
    if (this.#encoding === 'utf8') this.#pushUtf8(rest, lines);
    else this.#pushWide(rest, lines);
  }

  /** The unfinished line, when there is one: at the end of a file that will not go on. */
  flush(lines: SplitLine[], unfinished: boolean): void {
    if (this.#heldBytes > 0 && !this.#skipping) {
      const bytes = Buffer.concat(this.#held);
      const { encoding, markBytes } = this.#encoding
        ? { encoding: this.#encoding, markBytes: 0 }
        : detectEncoding(bytes);
      const text = dropReturn(decodeBytes(bytes.subarray(markBytes), encoding));
      const offset = this.#lineAt + markBytes;
      if (text !== '') lines.push(unfinished ? { text, offset, cut: true } : { text, offset });
    }
    this.#lineAt += this.#heldBytes;
    this.#held = [];
    this.#heldBytes = 0;
  }

  #hold(bytes: Buffer): void {
    this.#held.push(Buffer.from(bytes));
    this.#heldBytes += bytes.length;
  }

  #pushUtf8(bytes: Buffer, lines: SplitLine[]): void {
    let at = 0;
    if (this.#heldBytes > 0 || this.#skipping) {
      const end = bytes.indexOf(NEWLINE);
      if (end < 0) {
        this.#keep(bytes, lines);
        return;
      }
      this.#finish(bytes.subarray(0, end), 1, lines);
      at = end + 1;
    }
    const lastEnd = bytes.lastIndexOf(NEWLINE);
    if (lastEnd >= at) {
      this.#wholeLines(bytes.subarray(at, lastEnd + 1), lines);
      at = lastEnd + 1;
    }
    if (at < bytes.length) this.#keep(bytes.subarray(at), lines);
  }

  /** A block of complete lines, the last newline included. */
  #wholeLines(block: Buffer, lines: SplitLine[]): void {
    if (isAscii(block) && !block.includes(0)) {
      // One conversion for the block: characters and bytes count the same.
      let at = 0;
      const text = block.toString('latin1', 0, block.length - 1);
      for (const line of text.split('\n')) {
        if (line.length > this.#maxLineBytes) {
          lines.push({ text: line.slice(0, this.#maxLineBytes), offset: this.#lineAt + at, cut: true });
        } else lines.push({ text: dropReturn(line), offset: this.#lineAt + at });
        at += line.length + 1;
      }
      this.#lineAt += block.length;
      return;
    }
    let at = 0;
    while (at < block.length) {
      const end = block.indexOf(NEWLINE, at);
      this.#finish(block.subarray(at, end), 1, lines);
      at = end + 1;
    }
  }

  /** The rest of the current line has come, without its newline of `newlineBytes`. */
  #finish(rest: Buffer, newlineBytes: number, lines: SplitLine[]): void {
    const total = this.#heldBytes + rest.length;
    if (!this.#skipping) {
      const whole = this.#heldBytes === 0 ? rest : Buffer.concat([...this.#held, rest]);
      const zeroBytes = this.#encoding === 'utf8' ? leadingZeros(whole) : 0;
      const line = whole.subarray(zeroBytes);
      const offset = this.#lineAt + zeroBytes;
      if (line.length > this.#maxLineBytes) lines.push({ text: this.#cutText(line), offset, cut: true });
      // A hole without a line after it is not a line.
      else if (line.length > 0 || zeroBytes === 0) {
        lines.push({ text: dropReturn(decodeBytes(line, this.#encoding ?? 'utf8')), offset });
      }
    }
    this.#skipping = false;
    this.#held = [];
    this.#heldBytes = 0;
    this.#lineAt += total + newlineBytes;
  }

  /** Bytes of a line whose end has not come. */
  #keep(bytes: Buffer, lines: SplitLine[]): void {
    if (this.#skipping) {
      this.#lineAt += bytes.length;
      return;
    }
    let rest = bytes;
    if (this.#heldBytes === 0 && this.#encoding === 'utf8') {
      const zeroBytes = leadingZeros(rest);
      this.#lineAt += zeroBytes;
      rest = rest.subarray(zeroBytes);
      if (rest.length === 0) return;
    }
    this.#hold(rest);
    if (this.#heldBytes <= this.#maxLineBytes) return;
    const text = this.#cutText(Buffer.concat(this.#held));
    lines.push({ text, offset: this.#lineAt, cut: true });
    this.#lineAt += this.#heldBytes;
    this.#held = [];
    this.#heldBytes = 0;
    this.#skipping = true;
  }

  /** The beginning of a line that is too long, cut at a character's border. */
  #cutText(line: Buffer): string {
    let end = this.#maxLineBytes;
    if (this.#encoding === 'utf8') while (end > 0 && ((line[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    else end &= ~1;
    return decodeBytes(line.subarray(0, end), this.#encoding ?? 'utf8');
  }

  /** UTF-16: the same, with a newline of two bytes at an even distance from the line's beginning. */
  #pushWide(bytes: Buffer, lines: SplitLine[]): void {
    const newline = this.#encoding === 'utf16le' ? Buffer.from([0x0a, 0]) : Buffer.from([0, 0x0a]);
    // A half character at the end is held back, and comes first here with the next bytes.
    let all = bytes;
    if (this.#heldBytes > 0) {
      all = Buffer.concat([...this.#held, bytes]);
      this.#held = [];
      this.#heldBytes = 0;
    }
    let at = 0;
    let from = 0;
    for (;;) {
      const end = all.indexOf(newline, from);
      if (end < 0) break;
      if ((end - at) % 2 !== 0) {
        from = end + 1;
        continue;
      }
      this.#finish(all.subarray(at, end), 2, lines);
      at = end + 2;
      from = at;
    }
    const rest = all.subarray(at);
    const whole = rest.length & ~1;
    if (whole > 0) this.#keep(rest.subarray(0, whole), lines);
    if (rest.length > whole) this.#hold(rest.subarray(whole));
  }
}

function dropReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

function leadingZeros(bytes: Buffer): number {
  if (bytes[0] !== 0) return 0;
  let at = 0;
  while (
    at + zeros.length <= bytes.length &&
    bytes.compare(zeros, 0, zeros.length, at, at + zeros.length) === 0
  ) {
    at += zeros.length;
  }
  while (at < bytes.length && bytes[at] === 0) at += 1;
  return at;
}
