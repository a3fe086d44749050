import { open, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { messageOf } from '../domain/error.ts';

/** Most a caller can ask for at once. */
const MAX_BYTES = 1024 * 1024;

/**
 * Text of a file below `root`, from `offset`, at most `maxBytes`. A path that leads outside, through `..` or a symlink,
 * is refused; whatever goes wrong is said in `error`.
 */
export async function readBeside(
  root: string,
  path: string,
  offset: number,
  maxBytes: number,
): Promise<{ text: string; sizeBytes: number; error?: string }> {
  try {
    const real = await realpath(isAbsolute(path) ? path : join(root, path));
    const inside = relative(await realpath(root), real);
    if (inside.startsWith('..') || isAbsolute(inside)) {
      return { text: '', sizeBytes: 0, error: `${path} lies outside ${root}` };
    }
    const file = await open(real, 'r');
    try {
      const stat = await file.stat();
      if (!stat.isFile()) return { text: '', sizeBytes: 0, error: `${path} is not a file` };
      const buffer = Buffer.alloc(Math.max(0, Math.min(maxBytes, MAX_BYTES, stat.size - offset)));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      return { text: buffer.toString('utf8', 0, bytesRead), sizeBytes: stat.size };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { text: '', sizeBytes: 0, error: messageOf(error) };
  }
}
