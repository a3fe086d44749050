import { type Instant, instant, parseInstant } from '../../domain/instant.ts';
import type { BadRecord } from '../../domain/source.ts';
import { getArray, getNumber, getObject, getString, isObject, type Json, readJson } from '../../lib/json.ts';
import type { Folded, Parser } from '../system.ts';
import { textOrNull } from './facts.ts';

/**
 * `.nomic/backups/backup_<reason>_<YYYYmmdd_HHMMSS>/manifest.json`, written by `_create_backup` of
 * scripts/nomic_loop.py before each cycle. A directory without a readable manifest is kept as such: restore lists it,
 * and takes nothing from it.
 */
export const backupParser: Parser = {
  version: 2,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'directory') return { carry };
    const name = context.path.slice(context.path.lastIndexOf('/') + 1);
    const text = chunk.texts['manifest.json'];
    const read = text === undefined ? undefined : readJson(text);
    const manifest = read?.ok && isObject(read.value) ? read.value : undefined;
    const bad: BadRecord[] = [];
    if (read && !manifest) {
      const reason = read.ok ? 'manifest is not a JSON object' : `manifest: ${read.error}`;
      bad.push({ path: `${context.path}/manifest.json`, reason, excerpt: (text ?? '').slice(0, 200) });
    }
    const fact: Json = {
      name: name.slice(0, 200),
      manifest: manifest ? 'read' : chunk.names.includes('manifest.json') ? 'bad' : 'none',
      createdAt:
        parseInstant(getString(manifest, 'created_at'), context.located.timezone) ??
        timeOfName(name, context.located.timezone) ??
        null,
      reason: textOrNull(manifest, 'reason', 80),
      cycle: getNumber(manifest, 'cycle') ?? null,
      files: manifest ? getArray(manifest, 'files').length : null,
      names: getArray(manifest, 'files').filter(isInnerPath).slice(0, MOST_FILES),
      entries: chunk.names.length,
    };
    return { carry, facts: { backup: fact }, ...(bad.length > 0 ? { bad } : {}) };
  },
};

/** Longest list of a manifest that is kept; the program protects some fifteen files. */
const MOST_FILES = 100;

/** A path that stays below the checkout, and is no option. */
function isInnerPath(path: Json): boolean {
  return (
    typeof path === 'string' &&
    path.length < 300 &&
    /^[^-/\p{C}][^\p{C}]*$/u.test(path) &&
    !path.split('/').includes('..')
  );
}

function timeOfName(name: string, zone: string): Instant | undefined {
  const match = /_(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)$/.exec(name);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  return parseInstant(`${year}-${month}-${day}T${hour}:${minute}:${second}`, zone);
}

const MOST_COPIES = 100;

/** Compressed copies of databases among the backups (`POST /api/v2/backups`), known by name and time. */
export const backupFilesParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk): Folded {
    if (chunk.type !== 'directory') return { carry };
    const names = chunk.names.filter((name) => /\.db(\.gz)?$/.test(name));
    const facts = names
      .slice(-MOST_COPIES)
      .map((name): [string, Json] => [`copy/${name}`, { name, at: chunk.modifiedAt[name] ?? null }]);
    return { carry, facts: Object.fromEntries(facts) };
  },
};

/** `.nomic/replays/nomic-cycle-<n>/`: `meta.json` and the events. Its status stays `in_progress` after a timeout. */
export const replayParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'directory') return { carry };
    const name = context.path.slice(context.path.lastIndexOf('/') + 1);
    const read = readJson(chunk.texts['meta.json'] ?? '');
    const meta = read.ok && isObject(read.value) ? read.value : undefined;
    const n = /^nomic-cycle-(\d{1,6})$/.exec(name)?.[1];
    const fact: Json = {
      name: name.slice(0, 120),
      cycle: n === undefined ? null : Number(n),
      hasEvents: chunk.names.includes('events.jsonl'),
      status: textOrNull(meta, 'status', 40),
      events: getNumber(meta, 'event_count') ?? null,
    };
    return { carry, facts: { replay: fact } };
  },
};

const MOST_CHECKPOINTS = 200;

/**
 * `.nomic/checkpoints`: `checkpoint_<cycle_id>.json` in two schemas (the state machine's, and the one of
 * aragora.nomic.loop), and debates as `cp-<debate>-<round>-<hex>.json.gz`, known by name and time only.
 */
export const checkpointsParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'directory') return { carry };
    const facts: Record<string, Json> = {};
    const bad: BadRecord[] = [];
    const names = chunk.names.filter((name) => /^(checkpoint_.*\.json|cp-.*\.json(\.gz)?)$/.test(name));
    for (const name of names.slice(-MOST_CHECKPOINTS)) {
      const modifiedAt = chunk.modifiedAt[name] ?? null;
      const round = /^cp-(.{1,8})-(\d{3})-[0-9a-f]{4}\.json/.exec(name);
      if (round) {
        const debate = { debate: round[1] ?? '', round: Number(round[2]) };
        facts[`checkpoint/${name}`] = { name, form: 'debate', at: modifiedAt, ...debate };
        continue;
      }
      const text = chunk.texts[name];
      const read = text === undefined ? undefined : readJson(text);
      if (read && !(read.ok && isObject(read.value))) {
        const reason = read.ok ? 'not a JSON object' : read.error;
        bad.push({ path: `${context.path}/${name}`, reason, excerpt: (text ?? '').slice(0, 200) });
      }
      facts[`checkpoint/${name}`] = checkpointOf(
        name,
        read?.ok ? read.value : undefined,
        modifiedAt,
        context.located.timezone,
      );
    }
    return { carry, facts, ...(bad.length > 0 ? { bad } : {}) };
  },
};

function checkpointOf(name: string, value: Json | undefined, modifiedAt: Instant | null, zone: string): Json {
  const meta = getObject(value, '_checkpoint_meta');
  const state = getString(getObject(value, 'context'), 'current_state');
  const seconds = getNumber(value, 'timestamp');
  const at =
    parseInstant(getString(meta, 'saved_at') ?? getString(value, 'timestamp'), zone) ??
    (seconds !== undefined && seconds > 0 && seconds < 1e11
      ? instant(Math.round(seconds * 1000))
      : modifiedAt);
  const cycle = textOrNull(meta ?? value, 'cycle_id', 80);
  const form = value === undefined ? 'unread' : meta || state ? 'machine' : 'loop';
  return { name, form, at, cycle, state: state?.slice(0, 40) ?? null };
}
