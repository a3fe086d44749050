/** An API that takes connections and gives nothing, on a checkout whose parts are real processes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startLive } from '../systems/coherence/live.ts';

it('shows an API that hangs, its holder, the orphans and the restarts asked in vain, and recovers', async () => {
  const live = await startLive();
  try {
    const parts = ['pipeline', 'project-manager', 'agent-runner', 'monitor', 'watchdog', 'api'];
    await live.until('all parts up', 60, ({ view }) =>
      parts.every((id) => view.entity('service', id)?.status === 'up') ? true : undefined,
    );
    live.lie('api-hang');
    const hang = await live.until('a hanging API without a project manager', 60, ({ view }) => {
      const issue = view.entity('issue', 'api_hangs');
      const isDead = view.entity('service', 'project-manager')?.status === 'down';
      return issue && isDead && view.entity('issue', 'orphans') ? issue : undefined;
    });
    expect(hang.severity).toBe('fatal');
    const asked = await live.until('restarts asked in vain', 90, ({ view }) =>
      view.entity('issue', 'restart_without_effect'),
    );
    expect(asked.title).toContain('nothing runs');
    expect(readFileSync(join(live.laid.dir, 'api/logs/autonomous_api.log'), 'utf8')).toContain('[Errno 98]');
    live.lie();
    await live.until('the pipeline to run again', 90, ({ view }) =>
      ['project-manager', 'api'].every((id) => view.entity('service', id)?.status === 'up')
        ? true
        : undefined,
    );
  } finally {
    live.lie();
    await live.end();
  }
}, 300_000);
