import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntityOf, EntityType } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import type { Derived } from '../../../src/systems/system.ts';
import { deriveCase } from '../fixture-case.ts';
import { type Live, layLive, settingsOf, startLive } from './live.ts';

function entity<T extends EntityType>(derived: Derived, type: T, id: string): EntityOf<T> | undefined {
  return derived.entities.find((one): one is EntityOf<T> => one.type === type && one.id === id);
}

describe('the simulated Aragora checkout, laid out', () => {
  it('shows a failed cycle, a question with a deadline, one that ran out, and what to go back to', async () => {
    const { dir, laid } = await layLive(1);
    try {
      const settings = settingsOf(laid);
      const fixture = { at: instant(Date.now()), settings, mtimes: {}, processes: [], http: {} };
      const derived = await deriveCase(aragoraKind, laid.dir, fixture);
      expect(entity(derived, 'issue', 'cycle-failed')?.attention?.label).toBe('FAILED');
      expect(entity(derived, 'approval', '337b18338016a2fb')?.attention?.label).toBe('APPROVE');
      expect(entity(derived, 'approval', '91fe20aa54d8c307')?.attention?.label).toBe('EXPIRED');
      expect(entity(derived, 'run', '9ab0c1d2')?.status).toBe('succeeded');
      expect(entity(derived, 'run', '310fcea8')?.nativeStatus).toBe('cycle_timeout');
      expect(derived.entities.filter((one) => one.type === 'restorePoint')).toHaveLength(3);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe('the simulated Aragora checkout, running', () => {
  let live: Live;
  beforeAll(async () => {
    live = await startLive(15);
  });
  afterAll(() => live.end());

  it('has a loop and a server that live, and the old failure is no longer in the queue', async () => {
    await live.until('loop and API up', 20, (derived) =>
      entity(derived, 'service', 'loop')?.status === 'up' &&
      entity(derived, 'service', 'api')?.status === 'up'
        ? true
        : undefined,
    );
    const derived = await live.look();
    expect(entity(derived, 'issue', 'cycle-failed')).toBeUndefined();
    expect(entity(derived, 'service', 'component.redis')?.status).toBe('degraded');
    // It opens and closes with the story.
    await live.until('a breaker that opens', 20, (seen) =>
      /^(down|degraded)$/.test(entity(seen, 'service', 'breaker.grok')?.status ?? '') ? true : undefined,
    );
  }, 30_000);

  it('shows a debate that stands past its announced budget, until its timeout comes', async () => {
    // Its budget is over after two seconds; that the timeout's line is late is believed after fifteen more.
    const stalled = await live.until(
      'a stalled loop',
      40,
      (derived) => {
        const issue = entity(derived, 'issue', 'loop-stalled');
        const isPhaseFailed = entity(derived, 'layer', 'phase.debate')?.status === 'failed';
        return issue?.title.includes('debate') && isPhaseFailed ? issue : undefined;
      },
      18_000,
    );
    expect(stalled.severity).toBe('fatal');
    expect(stalled.title).toMatch(/^cycle \d+: debate over its 2s budget$/);
    const ended = await live.until('the cycle to end', 40, (seen) =>
      seen.entities.find((one) => one.type === 'run' && one.nativeStatus === 'debate_timeout'),
    );
    expect(ended.title).toMatch(/^cycle \d+: debate ran out of time$/);
    await live.until('the next cycle to run', 10, (seen) =>
      entity(seen, 'issue', 'loop-stalled') === undefined && entity(seen, 'service', 'loop')?.status === 'up'
        ? true
        : undefined,
    );
  }, 90_000);

  it('shows a pause over HTTP as what it is: an edit of a file', async () => {
    const answer = await fetch(`${live.located.url}/api/v1/admin/nomic/pause`, {
      method: 'POST',
      body: '{}',
    });
    expect(answer.status).toBe(200);
    const issue = await live.until('a swallowed pause', 20, (derived) =>
      entity(derived, 'issue', 'pause-no-effect'),
    );
    expect(issue.attention?.label).toBe('NO EFFECT');
    // The loop's next save takes it out of the file; the server's log still tells.
    await live.until('the loop to overwrite the file', 40, () => {
      const state = readFileSync(join(live.laid.dir, '.nomic/nomic_state.json'), 'utf8');
      return state.includes('"paused"') ? undefined : true;
    });
    expect(entity(await live.look(), 'issue', 'pause-no-effect')?.evidence.source).toBe('server.log');
  }, 90_000);

  it('tells a loop that died from one that runs', async () => {
    live.lie('loop-die');
    await live.until('no loop process', 60, (derived) =>
      derived.data?.['loopPid'] === null ? true : undefined,
    );
    live.lie();
    // Seen from a minute and a half later: until then it might run where it can't be seen.
    const now = await live.look();
    expect(entity(now, 'issue', 'loop-dead')).toBeUndefined();
    expect(now.nextInstant).toBeDefined();
    const later = await live.look(91_000);
    expect(entity(later, 'issue', 'loop-dead')?.severity).toBe('fatal');
    expect(entity(later, 'service', 'loop')?.status).toBe('down');
    await live.until('the loop to be started again', 60, (derived) =>
      entity(derived, 'service', 'loop')?.status === 'up' ? true : undefined,
    );
    expect(
      (await live.look()).entities.some(
        (one) => one.type === 'run' && one.title.includes('without an outcome'),
      ),
    ).toBe(true);
  }, 150_000);

  it('shows a server that takes connections and gives no answer', async () => {
    live.lie('api-hang');
    const issue = await live.until('a hanging API', 20, (derived) => entity(derived, 'issue', 'api-down'));
    expect(issue.title).toMatch(/^API hangs: pid \d+ gives no answer$/);
    live.lie('degraded');
    const degraded = await live.until('a degraded API', 20, (derived) =>
      entity(derived, 'issue', 'api-degraded'),
    );
    expect(degraded.title).toContain('storage is read-only');
    live.lie();
  }, 60_000);

  it('restores protected files, or says it did: only the count tells them apart, never the exit code', () => {
    const file = join(live.laid.dir, 'CLAUDE.md');
    const nomic = (...argv: string[]): { status: number | null; stdout: string } => {
      const { status, stdout } = spawnSync(
        live.laid.settings['python'] ?? '',
        ['scripts/nomic_loop.py', ...argv],
        {
          cwd: live.laid.dir,
          encoding: 'utf8',
        },
      );
      return { status, stdout };
    };
    // A cycle that begins meanwhile would back the damaged file up.
    const good = /^ {2}(backup_\S+)$/m.exec(nomic('list-backups').stdout)?.[1] ?? '';
    writeFileSync(file, 'damaged\n');
    expect(nomic('restore', '--backup', 'nothing-like-it')).toEqual({
      status: 0,
      stdout: 'Backup not found: nothing-like-it\n',
    });
    live.lie('restore-nothing');
    expect(nomic('restore')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Restored 0 files'),
    });
    live.lie();
    expect(readFileSync(file, 'utf8')).toBe('damaged\n');
    expect(nomic('restore', '--backup', good)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Restored 3 files'),
    });
    expect(readFileSync(file, 'utf8')).not.toBe('damaged\n');
    expect(nomic('rollback').status).toBe(2);
    expect(nomic('run', '--cycles', '3').status).toBe(1);
    expect(nomic('list-backups').stdout).toContain('Reason: cycle_1');
  });
});
