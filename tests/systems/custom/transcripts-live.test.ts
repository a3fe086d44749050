/** Sessions of an agent as a described kind, by the built program: answers as files, judged by the transcript alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../e2e/cockpit.ts';
import { type EndedVerb, runVerb } from '../../e2e/verb.ts';
import { layOutCase } from '../fixture-case.ts';
import { descriptionOf } from './described.ts';

/** `deaf` never looks for answers; `contrary` takes one and does the opposite. */
type Manner = 'honest' | 'deaf' | 'contrary';

const undo: (() => void)[] = [];
afterAll(() => {
  for (const step of undo.splice(0)) step();
});

/** The agent: looks for answers and writes what it decided into its transcript. */
const AGENT = `
const { appendFileSync, readdirSync, readFileSync, rmSync } = require('node:fs');
const [root, manner] = process.argv.slice(1);
console.log('ready');
setInterval(() => {
  if (manner === 'deaf') return;
  let names = [];
  try { names = readdirSync(root + '/answers'); } catch {}
  for (const name of names.filter((one) => one.endsWith('.json'))) {
    const answer = JSON.parse(readFileSync(root + '/answers/' + name, 'utf8'));
    rmSync(root + '/answers/' + name);
    const decision = manner === 'contrary' ? 'deny' : answer.decision;
    const row = { type: 'permission_decision', sessionId: '5b1c', timestamp: new Date().toISOString(), decision, told: answer.message, request: { id: answer.request } };
    appendFileSync(root + '/sessions/5b1c.jsonl', JSON.stringify(row) + '\\n');
  }
}, 30);
`;

async function agentOf(
  manner: Manner,
  within = '30s',
): Promise<{ root: string; run: (...args: string[]) => Promise<EndedVerb> }> {
  const laid = await layOutCase('custom', 'transcripts');
  const state = temporaryDirectory('transcripts');
  const session = join(laid.dir, 'sessions', '5b1c.jsonl');
  // Its question still waits.
  writeFileSync(
    session,
    readFileSync(session, 'utf8').replace('2026-03-01T03:08:03Z', '2126-03-01T03:08:03Z'),
  );
  const kind = structuredClone(descriptionOf('transcripts')) as { acts: { expect?: { within: string }[] }[] };
  for (const { expect: stages } of kind.acts) for (const stage of stages ?? []) stage.within = within;
  const config = join(state.path, 'binnacle.yaml');
  writeFileSync(
    config,
    JSON.stringify({ kinds: { sessions: kind }, systems: [{ kind: 'sessions', root: laid.dir }] }),
  );
  const agent: ChildProcess = spawn(process.execPath, ['-e', AGENT, laid.dir, manner], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  undo.push(() => {
    agent.kill();
    laid.remove();
    state.remove();
  });
  await once(agent.stdout as NodeJS.ReadableStream, 'data');
  return {
    root: laid.dir,
    run: (...args) => runVerb([...args, '-C', config], { env: { BINNACLE_STATE_DIR: state.path } }),
  };
}

const YES = ['--yes', '--reason', 'seen with the team'];

describe.concurrent('sessions of an agent, described', () => {
  it('an approval counts when the transcript says so', async () => {
    const { root, run } = await agentOf('honest');
    const { code, stdout, stderr } = await run('act', 'request.approve', 'perm-77', ...YES);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/verified/);
    expect(readFileSync(join(root, 'sessions', '5b1c.jsonl'), 'utf8')).toContain('"decision":"allow"');
    const again = await run('act', 'request.approve', 'perm-77', ...YES);
    expect(again.code).toBe(4);
  });

  it('what is typed reaches the agent as it is, quotes, braces and all', async () => {
    const { root, run } = await agentOf('honest');
    const words = 'no: {id} "quoted" $(touch x)\nsecond line';
    const { code } = await run('act', 'request.deny', 'perm-77', '--param', `reason=${words}`, ...YES);
    expect(code).toBe(0);
    const last =
      readFileSync(join(root, 'sessions', '5b1c.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ decision: 'deny', told: words });
  });

  it('an agent that never looks is told apart from one that did', async () => {
    const { code, stdout } = await (await agentOf('deaf', '500ms')).run(
      'act',
      'request.approve',
      'perm-77',
      ...YES,
    );
    expect([code, stdout]).toEqual([6, expect.stringMatching(/not seen in \d+ s/)]);
  });

  it('an agent that does the opposite is told at once', async () => {
    const { code, stdout } = await (await agentOf('contrary')).run(
      'act',
      'request.approve',
      'perm-77',
      ...YES,
    );
    expect([code, stdout]).toEqual([6, expect.stringMatching(/decision/)]);
  });

  it('an id from a transcript never becomes a path', async () => {
    const { root, run } = await agentOf('deaf');
    const { code, stderr } = await run('act', 'request.approve', 'approval/../../etc/passwd', ...YES);
    expect([code, stderr]).toEqual([4, expect.stringContaining("can't be part of a file name")]);
    expect(existsSync(join(root, 'answers'))).toBe(false);
  });

  it('a transcript is shown by an act that reads', async () => {
    const { run } = await agentOf('deaf');
    const { code, stdout } = await run('act', 'session.inspect', 'run/5b1c');
    expect(code).toBe(0);
    expect(stdout).toContain('wants to run the test');
  });
});
