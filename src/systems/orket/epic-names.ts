import type { Run } from '../../domain/entity.ts';
import { getArray, getString } from '../../lib/json.ts';
import type { StateView } from '../system.ts';
import { buildOf } from './act-program.ts';
import { isSafeName } from './schema.ts';

/** Name of a run's epic, where it may be an argument. */
export function epicOf(run: Run): string | undefined {
  const name = getString(run.data, 'epic');
  return name !== undefined && isSafeName(name) ? name : undefined;
}

/** Runs of a build, the newest first. */
export function runsOf(view: StateView, build: string): readonly Run[] {
  return view
    .entities('run')
    .filter((run) => buildOf(run) === build)
    .sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0));
}

/** The epic of a build: what its newest run was called, else the file whose name the build was made of. */
export function epicOfBuild(view: StateView, build: string): string | undefined {
  const run = runsOf(view, build).find((one) => epicOf(one) !== undefined);
  if (run) return epicOf(run);
  const name = build.replace(/^build-/, '');
  const known = getArray(view.entity('service', 'orket')?.data, 'epics');
  return known.includes(name) && isSafeName(name) ? name : undefined;
}

/** The build of an epic: that of its runs, else the name Orket would make. */
export function buildOfEpic(view: StateView, epic: string): string {
  const run = view.entities('run').find((one) => epic !== '' && getString(one.data, 'epic') === epic);
  return (run && buildOf(run)) ?? `build-${epic}`;
}

/** Id of the newest run of a build, or nothing. */
export function newestRun(view: StateView, build: string): string {
  return runsOf(view, build)[0]?.id ?? '';
}
