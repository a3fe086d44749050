import { refOf } from '../../domain/entity.ts';
import type { Playbook } from '../system.ts';
import { cardsOf, isUnderWay, runOf } from './act-program.ts';
import {
  buildOfItem,
  cardOf,
  deadCards,
  isGoingOn,
  newestRun,
  onCard,
  onCheckout,
  onRun,
  onTurn,
  refOrNone,
  troubledTurn,
} from './playbook-targets.ts';

/** A role pipeline that does not move: what happened while the log still tells it, and what going on really costs. */
const stalledRolePipeline: Playbook = {
  id: 'stalled-role-pipeline',
  title: 'Stalled role pipeline',
  steps: [
    {
      type: 'act',
      text: 'the failure report, before a good run empties the log it is made from',
      act: 'report.failures',
      on: onCheckout,
    },
    {
      type: 'note',
      text: 'It counts no model timeout: the ledger does (failure classes Model*Error), and the queue shows it.',
    },
    {
      type: 'check',
      text: 'the turn in trouble is found',
      holds: (view, target) => troubledTurn(view, target) !== undefined,
    },
    {
      type: 'act',
      text: 'read its files: how far it got, what the tools said',
      act: 'turn.inspect',
      on: onTurn,
    },
    {
      type: 'note',
      text: 'Only a prompt and no answer: the model. Answer without checkpoint: the contract. A result that is not ok: the tool.',
    },
    {
      type: 'act',
      text: 'let Orket print the same turn, for a report in its own words',
      act: 'turn.replay',
      on: onTurn,
    },
    {
      type: 'act',
      text: 'repeated turns without progress: measure the prompts',
      act: 'report.prompts',
      on: onCheckout,
    },
    {
      type: 'check',
      text: 'no run of this build is under way any more',
      holds: (view, target) => {
        const run = newestRun(view, target);
        return run === undefined || !isUnderWay(run);
      },
    },
    {
      type: 'note',
      text: 'One whose process hangs goes on saying nothing: halt it (run.halt on the run) before anything is started again.',
    },
    {
      type: 'act',
      text: 'one card alone, where the others are done: nothing else is done again',
      act: 'job.resume',
      on: onCard,
    },
    {
      type: 'act',
      text: 'or the whole epic: a new run id, and EVERY card of the build back to ready',
      act: 'run.resume',
      on: onRun,
    },
    {
      type: 'note',
      text: 'The same session id as before, as the runbook has it, can be given neither to the program nor to the API.',
    },
    { type: 'check', text: 'a newer run of this build is alive', holds: isGoingOn },
  ],
};

/** The ledger says running, and nobody runs it. */
const zombieRun: Playbook = {
  id: 'zombie-run',
  title: 'A run nobody carries out',
  steps: [
    {
      type: 'check',
      text: 'no process of this checkout carries it',
      holds: (view, target) => {
        const run = runOf(view, target);
        return run !== undefined && !isUnderWay(run);
      },
    },
    {
      type: 'note',
      text: 'On another host or in a container it may live unseen: its log and turn files would go on. Wait a minute and look.',
    },
    {
      type: 'act',
      text: 'read the turn it left: the tools that ran did run',
      act: 'turn.inspect',
      on: onTurn,
    },
    {
      type: 'note',
      text: 'Its row stays on running for ever, and that harms nothing. Writing into the database by hand, or deleting it, loses the history of all runs.',
    },
    {
      type: 'act',
      text: 'the card it had in hand, where the others are done',
      act: 'job.resume',
      on: (view, target) => {
        const build = buildOfItem(view, target);
        const held =
          build === undefined ? [] : cardsOf(view, build).filter(({ status }) => status === 'waiting');
        return held.length === 1 ? refOrNone(held[0]) : undefined;
      },
    },
    { type: 'act', text: 'or the whole epic anew: every card back to ready', act: 'run.resume', on: onRun },
    { type: 'check', text: 'a newer run of this build is alive', holds: isGoingOn },
  ],
};

/** Nothing in the backlog can be dispatched, or cards were given up. */
const blockedBacklog: Playbook = {
  id: 'blocked-backlog',
  title: 'Blocked backlog',
  steps: [
    {
      type: 'check',
      text: 'the cards that were given up are known',
      holds: (view, target) => deadCards(view, target).length > 0,
    },
    { type: 'act', text: 'read the last turn of it', act: 'turn.inspect', on: onTurn },
    {
      type: 'note',
      text: 'The card shows why: a refusal (policy_violation_CARD.json), the guard, the last retry, a missing seat. What depends on it waits for ever.',
    },
    {
      type: 'note',
      text: 'Mend the cause first (rights of the seat, the model, the contract): a rerun with the same cause ends the same way, after the same retries.',
    },
    {
      type: 'act',
      text: 'try this card again, alone',
      act: 'job.resume',
      on: onCard,
    },
    {
      type: 'act',
      text: 'or give it up: archive it. What depends on it stays blocked',
      act: 'job.archive',
      on: onCard,
    },
    { type: 'act', text: 'or the whole epic anew: every card back to ready', act: 'run.resume', on: onRun },
    {
      type: 'check',
      text: 'no card of the build is given up any more',
      holds: (view, target) => deadCards(view, target).length === 0,
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
    {
      type: 'check',
      text: 'ORKET_VERIFY_TIMEOUT_SEC is set in .env',
      holds: (view) => view.located.extra['verifyTimeoutMs'] !== undefined,
    },
    {
      type: 'note',
      text: 'Compare it with how long the fixtures under workspace/verification/ take; one that fails to load is in the log.',
    },
    { type: 'act', text: 'read the turn that waits for it', act: 'turn.inspect', on: onTurn },
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
      type: 'act',
      text: 'a run that waits for ever: halt it. Its ledger row stays on running',
      act: 'run.halt',
      on: (view, target) => {
        const run = newestRun(view, target);
        return run && isUnderWay(run) ? refOf(run) : undefined;
      },
    },
    { type: 'act', text: 'then this card alone', act: 'job.resume', on: onCard },
    {
      type: 'check',
      text: 'the card moves again, and no verification of it is late or failed',
      holds: (view, target) => {
        const job = cardOf(view, target);
        if (job === undefined || !/^(running|queued|done)$/.test(job.status)) return false;
        return ['stalled', 'failed'].every((how) => !view.entity('issue', `verification.${how}:${job.id}`));
      },
    },
  ],
};

/** Procedures for runs, cards and their verification. */
export const runPlaybooks: readonly Playbook[] = [
  stalledRolePipeline,
  zombieRun,
  blockedBacklog,
  verificationStalls,
];
