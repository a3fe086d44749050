/** How the bytes of a watched file are text. */
export type Encoding = 'utf8' | 'utf16le' | 'utf16be';

/** Encoding and length of the byte order mark at the beginning of a file. Without a mark, ASCII in UTF-16 gives itself away by its zeros. */
export function detectEncoding(head: Buffer): { readonly encoding: Encoding; readonly markBytes: number } {
  if (head[0] === 0xff && head[1] === 0xfe) return { encoding: 'utf16le', markBytes: 2 };
  if (head[0] === 0xfe && head[1] === 0xff) return { encoding: 'utf16be', markBytes: 2 };
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return { encoding: 'utf8', markBytes: 3 };
  if (head.length >= 4) {
    const pairs = head.subarray(0, Math.min(64, head.length) & ~1);
    let evenZeros = 0;
    let oddZeros = 0;
    for (let at = 0; at < pairs.length; at += 2) {
      if (pairs[at] === 0) evenZeros += 1;
      if (pairs[at + 1] === 0) oddZeros += 1;
    }
    const half = pairs.length / 2;
    if (oddZeros > half * 0.7 && evenZeros === 0) return { encoding: 'utf16le', markBytes: 0 };
    if (evenZeros > half * 0.7 && oddZeros === 0) return { encoding: 'utf16be', markBytes: 0 };
  }
  return { encoding: 'utf8', markBytes: 0 };
}

/** Text of bytes in an encoding; what is not valid becomes U+FFFD. */
export function decodeBytes(bytes: Buffer, encoding: Encoding): string {
  if (encoding === 'utf8') return bytes.toString('utf8');
  const whole = bytes.subarray(0, bytes.length & ~1);
  const text = encoding === 'utf16le' ? whole : Buffer.from(whole).swap16();
  return text.toString('utf16le').toWellFormed();
}
