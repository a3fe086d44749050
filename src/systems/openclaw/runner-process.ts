import type { Job } from '../../domain/entity.ts';
import { type ProcessInfo, runsProgram } from '../../domain/process.ts';
import { getNumber } from '../../lib/json.ts';
import type { StateView } from '../system.ts';

/** The runner of a job, where it lives on this host. A pid alone is not enough: pids are used again. */
export function runnerOfJob(view: StateView, job: Job): ProcessInfo | undefined {
  const pid = getNumber(job.data, 'pid');
  return view.processes.find(
    (process) => process.pid === pid && process.state !== 'Z' && runsProgram(process, 'runner.py'),
  );
}

/** Every process a runner has started, in whatever session, outermost first. */
export function descendantsOf(view: StateView, pid: number): readonly ProcessInfo[] {
  const found: ProcessInfo[] = [];
  for (let parents = new Set([pid]); parents.size > 0; ) {
    const children = view.processes.filter(
      (process) => parents.has(process.parentPid) && !found.includes(process) && process.state !== 'Z',
    );
    found.push(...children);
    parents = new Set(children.map((child) => child.pid));
  }
  return found;
}
