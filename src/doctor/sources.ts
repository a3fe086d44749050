/** The sources of a system as findings: there, readable, fresh, understood. */
import type { PartFinding } from '../domain/finding.ts';
import type { SourceStatus } from '../domain/source.ts';
import { assertNever } from '../lib/assert-never.ts';
import { counted } from '../lib/phrase.ts';
import { durationText } from '../lib/time-text.ts';

/**
 * One finding a source, and one more where its server's clock is off. `named`: places that the configuration names
 * itself; what is not there yet is usual elsewhere, and a mistake there.
 */
export function checkSource(source: SourceStatus, named: readonly string[]): readonly PartFinding[] {
  return [readingOf(source, named), ...badOf(source), ...clockOf(source)];
}

function readingOf(source: SourceStatus, named: readonly string[]): PartFinding {
  const { place, error } = source;
  const subject = `${source.type} ${source.id}`;
  const because = error === undefined ? '' : `: ${error}`;
  switch (source.state) {
    case 'fresh':
      return error === undefined
        ? { subject, level: 'ok', says: `${place}${source.items > 1 ? ` (${source.items})` : ''}` }
        : { subject, level: 'warn', says: `${place}${because}`, mend: 'let this user read the rest of it' };
    case 'waiting':
      return named.includes(place)
        ? {
            subject,
            level: 'fail',
            exit: 2,
            says: `${place} is not there, and the configuration names it`,
            mend: 'correct the setting, or leave it out where the usual place will do',
          }
        : { subject, level: 'ok', says: `${place} is not there yet` };
    case 'stale':
      return { subject, level: 'warn', says: `${place}${because}`, mend: mendOfStale(source) };
    case 'limited':
      return {
        subject,
        level: 'warn',
        says: `${place}${because}`,
        mend: 'it goes on by itself; other programs that ask this server count too',
      };
    case 'off':
      return { subject, level: 'ok', says: `not asked${because}` };
    case 'error':
      return { subject, level: 'fail', says: `${place}${because}`, mend: mendOfError(error ?? '') };
    default:
      return assertNever(source.state, 'state of a source');
  }
}

function mendOfStale({ type }: SourceStatus): string {
  switch (type) {
    case 'http':
      return 'see whether the server runs and `url` names it';
    case 'probe':
    case 'stream':
      return 'run the program by hand, as this user';
    default:
      return 'see whether its writer still lives';
  }
}

function mendOfError(error: string): string {
  if (/EACCES|EPERM|permission|not allowed|owner/i.test(error))
    return 'run it as the owner of the system, or give this user the right to read (a group, setfacl)';
  if (/\b40[13]\b/.test(error)) return 'name the variable that holds the API key with key-env, and set it';
  return 'look at the place named';
}

function badOf({ id, type, badRecords, records, lastBad }: SourceStatus): readonly PartFinding[] {
  if (badRecords === 0) return [];
  const at = lastBad?.offset === undefined ? '' : ` at byte ${lastBad.offset}`;
  const last = lastBad === undefined ? '' : `; the newest: ${lastBad.path}${at}: ${lastBad.reason}`;
  return [
    {
      subject: `${type} ${id}`,
      level: 'warn',
      says: `${counted(badRecords, 'record')} of ${badRecords + records} not understood${last}`,
      mend: 'see them in the cockpit with U; the rest is read all the same',
    },
  ];
}

function clockOf({ id, clockAheadMs }: SourceStatus): readonly PartFinding[] {
  if (clockAheadMs === undefined) return [];
  const apart = durationText(Math.abs(clockAheadMs));
  return [
    {
      subject: `clock ${id}`,
      level: 'warn',
      says: `its server's clock is ${apart} ${clockAheadMs > 0 ? 'ahead of' : 'behind'} ours: ages and deadlines are off by that`,
      mend: 'see `timedatectl` on both hosts: one of them keeps no network time',
    },
  ];
}
