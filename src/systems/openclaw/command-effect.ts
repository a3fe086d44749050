import type { Command } from './act-settled.ts';

/** What a command really does to a job in one status. */
export interface CommandEffect {
  /** The status the row has afterwards. */
  readonly to: string;
  /** What is lost or misled by it; undefined where it does what it says. */
  readonly harm?: string;
}

/**
 * What scripts/control.py does to a job, by its status (workflow/control_plane.py). It checks nothing: each command is
 * taken in every status with exit 0 and "accepted".
 */
export function commandEffect(command: Command, status: string, passed: boolean): CommandEffect {
  switch (command) {
    case 'approve':
      if (status === 'awaiting_audit') return { to: 'approved' };
      if (status === 'queued') return { to: 'approved', harm: 'it runs without any plan having been seen' };
      return {
        to: status,
        harm: 'the status stays, but the job counts as audited from now on: a later resume runs it unreviewed',
      };
    case 'revise':
      return {
        to: 'revise_requested',
        harm: `no worker takes it up, and approve does not leave it${
          status === 'running' || status === 'planning' ? '; the runner goes on' : ''
        }`,
      };
    case 'resume': {
      const to = passed ? 'approved' : 'awaiting_audit';
      if (status === 'waiting_human')
        return { to, ...(passed ? {} : { harm: 'it waits for a review without a plan' }) };
      if (!passed) return { to, harm: 'it waits for a review without a plan' };
      if (status === 'failed') return { to };
      if (status === 'running' || status === 'planning')
        return { to, harm: 'a second runner is started beside the one at work' };
      return { to, harm: `a job that is ${status} runs again from its start` };
    }
    case 'cancel':
      if (status === 'running' || status === 'planning')
        return {
          to: 'cancelled',
          harm: 'the runner goes on; its result replaces the mark until the next pass',
        };
      if (status === 'completed')
        return { to: 'cancelled', harm: 'the record of what was done is rewritten' };
      return { to: 'cancelled' };
  }
}
