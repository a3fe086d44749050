import type { LogRow } from '../domain/log.ts';
import type { EnginePort } from '../engine/protocol.ts';

/** Of a line and those that belong to it at most this much is shown. */
const mostBytes = 64 * 1024;

/**
 * True for a row whose line can be read where it stands: not for what we told, what is gone, and what is compressed. Nor
 * where a secret was masked in it: it may have been known as one by the lines before, a private key's for example.
 */
export function isInFile({ form, wiped, path, text }: LogRow): boolean {
  return form === 'log' && !wiped && !path.endsWith('.gz') && !text.includes('***');
}

/** The lines of a row as they stand in their file, or why they can't be read. */
export async function writtenLine(
  port: Pick<EnginePort, 'call'>,
  row: LogRow,
): Promise<{ readonly written: string } | { readonly unread: string }> {
  const { system, path, offset } = row;
  const { text, error } = await port.call('read', { system, path, offset, maxBytes: mostBytes });
  if (error !== undefined) return { unread: error };
  // A row of one line ends with it; of a traceback it is known how many lines it has.
  const lines = row.lines ?? row.text.split('\n').length;
  return { written: text.split('\n').slice(0, lines).join('\n') };
}
