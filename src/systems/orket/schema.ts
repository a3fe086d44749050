import { describe, minLength, optional, regex, strictObject, string } from 'zod/mini';
import { KEEPER_FORM } from '../../domain/keeper.ts';

/** What an installation of Orket may be told beside the common settings; all texts, as on the command line. */
export const orketSettings = strictObject({
  durable: optional(string().check(minLength(1, 'needs a directory'))).check(
    describe('directory of its durable state; default ORKET_DURABLE_ROOT, else `.orket/durable`'),
  ),
  stalledAfter: optional(
    string().check(regex(/^[1-9]\d{0,4}$/, 'is a number of seconds, from 1 to 99999')),
  ).check(
    describe(
      "seconds a turn may be silent before it counts as stalled; default 300, the model client's own limit",
    ),
  ),
  keeper: optional(
    string().check(regex(KEEPER_FORM, 'is systemd:UNIT, systemd-user:UNIT or docker:NAME')),
  ).check(
    describe(
      'what starts and stops the API: `systemd:UNIT`, `systemd-user:UNIT` or `docker:NAME`; without it the API is a process of its own, `server.py`',
    ),
  ),
  webhookUrl: optional(
    string().check(regex(/^https?:\/\/[^\s/]+\/?$/, 'is an address like http://127.0.0.1:8080')),
  ).check(describe('base URL of the webhook server; its health is not asked without it')),
  webhookKeeper: optional(
    string().check(regex(KEEPER_FORM, 'is systemd:UNIT, systemd-user:UNIT or docker:NAME')),
  ).check(describe('the same as `keeper`, for the webhook server')),
});

/** True for a name of an epic, card or build that may stand in an argument or a path of a request. */
export function isSafeName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,120}$/.test(text) && !text.includes('..');
}

/** Longest id of theirs that is followed; a longer one is shown in its log line and makes no entity. */
const LONGEST_ID = 200;

/** True for a text that can name a run, card or role in facts. */
export function isUsableId(text: string | undefined): text is string {
  return text !== undefined && text !== '' && text.length <= LONGEST_ID;
}

/** How turn_executor.py turns ids into directory names: `TIDE-3` lies in `tide-3`. */
export function directoryNameOf(id: string): string {
  const lower = id.toLowerCase();
  return lower.includes(' ') ? lower.replaceAll(' ', '_').trim() : lower.trim();
}

/** Id of a turn, and at once the target `--replay-turn` wants: `run:issue directory:index:role directory`. */
export function turnIdOf(run: string, issue: string, index: number, role: string): string {
  return `${directoryNameOf(run)}:${directoryNameOf(issue)}:${index}:${directoryNameOf(role)}`;
}

/**
 * One part of a replay target as a program may be given it: starts with a letter or digit, so it is never an option,
 * and holds no colon (the separator), slash, space or control character.
 */
const TARGET_PART = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/** True when the part may stand in an argument. `..` is refused: it would leave the run's directory. */
export function isSafeTargetPart(text: string): boolean {
  return TARGET_PART.test(text) && !text.includes('..');
}

/** A path of theirs that may become a source of ours: absolute, without wildcards, control characters or `..`. */
export function isSafeDirectory(path: string): boolean {
  return (
    path.length <= 1000 &&
    path.startsWith('/') &&
    !/[*?[\]{}!\p{C}]/u.test(path) &&
    !path.split('/').includes('..')
  );
}
