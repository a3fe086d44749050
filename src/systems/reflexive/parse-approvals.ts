import { addMs, type Instant, instant, parseInstant } from '../../domain/instant.ts';
import { getArray, getNumber, getObject, getString, type Json, readJson } from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import type { ListedFact } from './facts.ts';

/**
 * What the program lists as pending: `approval-list --json-output` (`ApprovalRequest.to_dict` in
 * `src/safety/approval.py`), or the blocks of text of `approvals list`. Log lines may stand before either.
 */
export const listedParser: Parser = {
  version: 1,
  start: null,
  fold(carry: Json, chunk: Chunk, context: ParseContext): Folded {
    if (chunk.type !== 'probe' || chunk.error !== undefined) return { carry };
    if (chunk.exitCode !== 0) return { carry };
    const lines = chunk.stdout.split('\n').filter((line) => !line.startsWith('{"'));
    const start = lines.findIndex((line) => line === '[' || line === '[]');
    const listed = start >= 0 ? fromJson(lines.slice(start).join('\n')) : fromText(lines, context);
    if (listed === undefined) {
      const reason = 'neither a JSON list nor the blocks of a list of approvals';
      return { carry, bad: [{ path: context.path, reason, excerpt: chunk.stdout.slice(0, 200) }] };
    }
    const facts: Record<string, Json> = { listedAt: context.now };
    for (const one of listed.slice(0, 200)) facts[`listed:${one.id}`] = one;
    return { carry, facts };
  },
};

function fromJson(text: string): readonly ListedFact[] | undefined {
  const read = readJson(text.slice(0, text.lastIndexOf(']') + 1));
  if (!read.ok || !Array.isArray(read.value)) return undefined;
  return read.value.flatMap((value): ListedFact[] => {
    const id = getString(value, 'request_id');
    if (id === undefined || id === '') return [];
    const requestedAt = parseInstant(getString(value, 'created_at'));
    const hours = getNumber(value, 'timeout_hours');
    const risk = getString(value, 'risk_level')?.toLowerCase();
    return [
      {
        id: id.slice(0, 200),
        operation: (getString(value, 'operation') ?? '?').slice(0, 100),
        ...(risk === undefined ? {} : { risk: risk.slice(0, 20) }),
        ...(requestedAt === undefined ? {} : { requestedAt }),
        ...(requestedAt === undefined || hours === undefined
          ? {}
          : { expiresAt: addMs(requestedAt, Math.round(hours * 3_600_000)) }),
        text: JSON.stringify(getObject(value, 'context') ?? {}).slice(0, 4000),
        concerns: getArray(value, 'concerns')
          .filter((one) => typeof one === 'string')
          .slice(0, 20)
          .map((one) => one.slice(0, 300)),
      },
    ];
  });
}

/** `ID:`, `Operation:`, `Risk Level:`, `Requested: 2 hours ago`, `Expires: 22 hours`, a block for each. */
function fromText(lines: readonly string[], context: ParseContext): readonly ListedFact[] | undefined {
  const listed: ListedFact[] = [];
  let block: Map<string, string> | undefined;
  const close = (): void => {
    const id = block?.get('id');
    if (block && id !== undefined) listed.push(fromBlock(id, block, context));
    block = undefined;
  };
  for (const line of lines) {
    const match = /^\s*([A-Za-z][A-Za-z ]{0,30}):\s*(.+?)\s*$/.exec(line.slice(0, 2000));
    if (!match) continue;
    const [, name = '', value = ''] = match;
    if (name === 'ID') {
      close();
      block = new Map();
    }
    block?.set(name.toLowerCase(), value);
  }
  close();
  const isList = listed.length > 0 || lines.some((line) => /pending approvals/i.test(line));
  return isList ? listed : undefined;
}

function fromBlock(id: string, block: ReadonlyMap<string, string>, context: ParseContext): ListedFact {
  const before = context.fact(`listed:${id.slice(0, 200)}`) as ListedFact | undefined;
  const asked = durationOf(block.get('requested'));
  const left = durationOf(block.get('expires'));
  const { now } = context;
  const requestedAt = steady(before?.requestedAt, asked && { at: addMs(now, -asked.ms), unit: asked.unit });
  const expiresAt = steady(before?.expiresAt, left && { at: addMs(now, left.ms), unit: left.unit });
  const risk = block.get('risk level')?.toLowerCase();
  return {
    id: id.slice(0, 200),
    operation: (block.get('operation') ?? '?').slice(0, 100),
    ...(risk === undefined ? {} : { risk: risk.slice(0, 20) }),
    ...(requestedAt === undefined ? {} : { requestedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(left && expiresAt !== undefined && left.unit > 1000 ? { grainMs: left.unit } : {}),
    text: [...block]
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n')
      .slice(0, 4000),
    concerns: [],
  };
}

interface Rounded {
  readonly at: Instant;
  readonly unit: number;
}

/** Rounded times move with each look; the first reading holds while the next agrees with it to the unit. */
function steady(before: Instant | undefined, read: Rounded | undefined): Instant | undefined {
  if (!read) return undefined;
  if (before !== undefined && Math.abs(before - read.at) <= read.unit) return before;
  return instant(Math.floor(read.at / 60_000) * 60_000);
}

const units: { readonly [unit: string]: number } = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

function durationOf(text: string | undefined): { readonly ms: number; readonly unit: number } | undefined {
  const match = /^(\d{1,6}(?:\.\d{1,6})?) (second|minute|hour|day)s?\b/.exec(text ?? '');
  const unit = units[match?.[2] ?? ''];
  return match && unit !== undefined ? { ms: Math.round(Number(match[1]) * unit), unit } : undefined;
}
