import { createHash } from 'node:crypto';

/** What a program wrote to one stream. */
export interface CapturedOutput {
  /** Beginning and end of it, with a note between them when bytes were left out. */
  readonly text: string;
  readonly sizeBytes: number;
  readonly truncated: boolean;
  /** SHA-256 over all bytes, the dropped ones too, as hex. */
  readonly sha256: string;
}

/** Keeps the first and last bytes of a stream of any length in constant memory. */
export interface OutputCapture {
  add(bytes: Buffer): void;
  finish(): CapturedOutput;
}

/** A capture that keeps at most `maxBytes`: half from the beginning, half from the end, where errors stand. */
export function captureOutput(maxBytes: number): OutputCapture {
  const hash = createHash('sha256');
  const headRoom = Math.ceil(maxBytes / 2);
  const tailRoom = maxBytes - headRoom;
  const head: Buffer[] = [];
  let headBytes = 0;
  let tail: Buffer[] = [];
  let tailBytes = 0;
  let sizeBytes = 0;
  const trimTail = (): void => {
    const whole = Buffer.concat(tail);
    const kept = Buffer.from(whole.subarray(Math.max(0, whole.length - tailRoom)));
    tail = [kept];
    tailBytes = kept.length;
  };
  return {
    add(bytes) {
      hash.update(bytes);
      sizeBytes += bytes.length;
      let rest = bytes;
      if (headBytes < headRoom) {
        const part = rest.subarray(0, headRoom - headBytes);
        head.push(Buffer.from(part));
        headBytes += part.length;
        rest = rest.subarray(part.length);
      }
      if (rest.length === 0) return;
      tail.push(Buffer.from(rest.length > tailRoom ? rest.subarray(rest.length - tailRoom) : rest));
      tailBytes += tail.at(-1)?.length ?? 0;
      if (tailBytes > 2 * tailRoom + 65_536) trimTail();
    },
    finish() {
      trimTail();
      const dropped = sizeBytes - headBytes - tailBytes;
      const begin = Buffer.concat(head);
      const end = tail[0] ?? Buffer.alloc(0);
      const text =
        dropped === 0
          ? Buffer.concat([begin, end]).toString('utf8')
          : `${begin.toString('utf8')}\n[${dropped} bytes left out]\n${end.toString('utf8')}`;
      return { text, sizeBytes, truncated: dropped > 0, sha256: hash.digest('hex') };
    },
  };
}
