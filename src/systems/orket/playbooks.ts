import type { Entity, Turn } from '../../domain/entity.ts';
import { getString } from '../../lib/json.ts';
import type { Playbook, StateView } from '../system.ts';

/** The run an item is about, where it tells one. */
function runOf(target: Entity): string | undefined {
  if (target.type === 'turn') return target.run;
  return target.type === 'run' ? target.id : getString(target.data, 'run');
}

/** The newest turn of the item's run that did not end well. */
function troubledTurn(view: StateView, target: Entity): Turn | undefined {
  if (target.type === 'turn') return target;
  const run = runOf(target);
  const turns = view
    .entities('turn')
    .filter((turn) => turn.attention !== undefined && (run === undefined || turn.run === run));
  return turns.sort((a, b) => b.index - a.index)[0];
}

/** A role pipeline that does not move: why, what a look at the turn tells, and what going on really costs. */
const stalledRolePipeline: Playbook = {
  id: 'stalled-role-pipeline',
  title: 'Stalled role pipeline',
  steps: [
    {
      type: 'check',
      text: 'the turn in trouble is found',
      holds: (view, target) => troubledTurn(view, target) !== undefined,
    },
    { type: 'act', text: 'read its files: how far it got, what the tools said', act: 'turn.inspect' },
    {
      type: 'note',
      text: 'Only a prompt and no answer: the model. Answer without checkpoint: the contract. A result that is not ok: the tool.',
    },
    { type: 'act', text: 'let Orket print the same turn, for a report in its own words', act: 'turn.replay' },
    {
      type: 'note',
      text: 'The failure report made from orket.log misses model timeouts, and is empty after a good run emptied the log.',
    },
    {
      type: 'note',
      text: 'Going on: python main.py --epic EPIC. It mints a new run id, puts cards in hand back to ready, then sets EVERY card of the build to ready, done ones too.',
    },
    {
      type: 'note',
      text: 'Only one card: add --resume CARD. It exits 1 while other cards are open, though this card went through.',
    },
    {
      type: 'check',
      text: 'a newer run of this epic is alive',
      holds: (view, target) => {
        const old = view.entity('run', runOf(target) ?? '');
        const build = getString(old?.data, 'build') ?? getString(target.data, 'build');
        return view
          .entities('run')
          .some(
            (run) =>
              run.status === 'running' &&
              run.id !== old?.id &&
              build !== undefined &&
              getString(run.data, 'build') === build &&
              (run.startedAt ?? 0) > (old?.startedAt ?? 0),
          );
      },
    },
  ],
};

/** Verification that fails or never comes back. */
const verificationStalls: Playbook = {
  id: 'verification-stalls',
  title: 'Verification stalls',
  steps: [
    {
      type: 'check',
      text: 'no verification is under way past its time',
      holds: (view) => !view.entities('issue').some((issue) => issue.key.startsWith('verification.stalled:')),
    },
    { type: 'note', text: 'Compare ORKET_VERIFY_TIMEOUT_SEC in .env with how long the fixtures take.' },
    {
      type: 'note',
      text: 'Look at the fixtures under workspace/verification/ and at the errors in runtime_verification.json.',
    },
    {
      type: 'check',
      text: 'the newest verification passed',
      holds: (view) => !view.entities('issue').some((issue) => issue.key.startsWith('verification.failed:')),
    },
    {
      type: 'note',
      text: 'A failed verification ends the run for a retry; after the last retry the guard blocks the card for good.',
    },
    {
      type: 'check',
      text: 'the card moves again',
      holds: (view, target) => {
        const card = target.type === 'issue' ? target.key.slice(target.key.indexOf(':') + 1) : '';
        const job = view.entity('job', card);
        return (
          job !== undefined && job.status !== 'failed' && job.status !== 'waiting' && job.status !== 'blocked'
        );
      },
    },
  ],
};

/** Procedures for the conditions of this kind. */
export const orketPlaybooks: readonly Playbook[] = [stalledRolePipeline, verificationStalls];
