import type { Entity, Job, Ref, Run, Service, Turn } from '../../domain/entity.ts';
import { refOf } from '../../domain/entity.ts';
import { getString } from '../../lib/json.ts';
import type { Playbook, PlaybookStep, StateView } from '../system.ts';
import { buildOf, cardsOf, isUnderWay, runOf } from './act-program.ts';
import { releasePlaybooks } from './playbooks-release.ts';

type Check = Extract<PlaybookStep, { type: 'check' }>['holds'];
type On = NonNullable<Extract<PlaybookStep, { type: 'act' }>['on']>;

/** The newest turn of the item's run or card that did not end well. */
function troubledTurn(view: StateView, target: Entity): Turn | undefined {
  if (target.type === 'turn') return target;
  const run = runOf(view, target)?.id;
  const card = cardOf(view, target)?.id;
  return view
    .entities('turn')
    .filter(
      (turn) =>
        turn.attention !== undefined &&
        (run === undefined || turn.run === run) &&
        (card === undefined || turn.issue === card),
    )
    .sort((a, b) => b.index - a.index)[0];
}

/** The card an item is about. */
function cardOf(view: StateView, target: Entity): Job | undefined {
  if (target.type === 'job') return target;
  const id =
    target.type === 'turn'
      ? target.issue
      : target.type === 'approval'
        ? target.subject
        : getString(target.data, 'card');
  return id === undefined ? undefined : view.entity('job', id);
}

/** The build an item is about. */
function buildOfItem(view: StateView, target: Entity): string | undefined {
  const run = runOf(view, target);
  if (run) return buildOf(run);
  const card = cardOf(view, target);
  return (card && buildOf(card)) ?? getString(target.data, 'build');
}

/** The newest run of the item's build. */
function newestRun(view: StateView, target: Entity): Run | undefined {
  const build = buildOfItem(view, target);
  return view
    .entities('run')
    .filter((run) => build !== undefined && buildOf(run) === build)
    .sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0))[0];
}

function refOrNone(entity: Entity | undefined): Ref | undefined {
  return entity && refOf(entity);
}

const onCheckout: On = (view) => refOrNone(view.entity('service', 'orket'));
const onTurn: On = (view, target) => refOrNone(troubledTurn(view, target));
const onRun: On = (view, target) => refOrNone(newestRun(view, target) ?? runOf(view, target));
const onCard: On = (view, target) => refOrNone(cardOf(view, target) ?? deadCards(view, target)[0]);

/** A newer run of the item's build is at work. */
const isGoingOn: Check = (view, target) => {
  const run = newestRun(view, target);
  const old = runOf(view, target);
  return run !== undefined && isUnderWay(run) && run.id !== (old && isUnderWay(old) ? '' : old?.id);
};

/** Blocked cards of the item's build that no run takes up. */
function deadCards(view: StateView, target: Entity): readonly Job[] {
  const build = buildOfItem(view, target);
  return build === undefined ? [] : cardsOf(view, build).filter(({ status }) => status === 'failed');
}

function server(view: StateView, id: 'api' | 'webhook'): Service | undefined {
  return view.entity('service', id);
}

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
      text: 'It counts no model timeout: the ledger does (failure class Model...Error), and the queue shows it.',
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
      text: 'the card moves again',
      holds: (view, target) => {
        const job = cardOf(view, target);
        return job?.status === 'running' || job?.status === 'queued' || job?.status === 'done';
      },
    },
  ],
};

/** The API fails or is not there. */
const apiFails: Playbook = {
  id: 'api-5xx',
  title: 'API 5xx spike',
  steps: [
    {
      type: 'check',
      text: 'its process is there',
      holds: (view) => typeof server(view, 'api')?.data?.['pid'] === 'number',
    },
    {
      type: 'note',
      text: 'Why: errors of workspace/default/orket.log and orket_crash.log, in the logs pane. A good run empties the first.',
    },
    {
      type: 'check',
      text: 'the database is there and can be read',
      holds: (view) => server(view, 'api') !== undefined && view.entity('service', 'orket')?.status === 'up',
    },
    {
      type: 'note',
      text: 'If not: owner and rights of .orket/durable/db, a full disk, or another writer that holds it. Never delete the *.db files: they are the only history there is.',
    },
    {
      type: 'check',
      text: 'no run is under way inside it',
      holds: (view) => {
        const carried = server(view, 'api')?.data?.['carried'];
        return !Array.isArray(carried) || carried.length === 0;
      },
    },
    {
      type: 'note',
      text: 'Runs inside it die with it, and stay on running for ever: wait for them, or rerun their epics afterwards.',
    },
    {
      type: 'act',
      text: 'restart it',
      act: 'service.restart',
      on: (view) => refOrNone(server(view, 'api')),
    },
    {
      type: 'act',
      text: 'or start it, where it is gone',
      act: 'service.start',
      on: (view) => refOrNone(server(view, 'api')),
    },
    { type: 'check', text: '/health answers well', holds: (view) => server(view, 'api')?.status === 'up' },
    {
      type: 'check',
      text: 'no zombie is left of it',
      holds: (view) => !view.entities('issue').some((issue) => issue.key.startsWith('run.zombie:')),
    },
  ],
};

/** Too many events, or somebody who should not send any. */
const webhookStorm: Playbook = {
  id: 'webhook-storm',
  title: 'Webhook storm or abuse',
  steps: [
    {
      type: 'check',
      text: 'ORKET_RATE_LIMIT is set in .env',
      holds: (view) => typeof view.located.extra['rateLimit'] === 'number',
    },
    {
      type: 'act',
      text: 'one unsigned request: 401 is refused as it should be, 429 is the limit in force',
      act: 'webhook.probe',
      on: (view) => refOrNone(server(view, 'webhook')),
    },
    {
      type: 'note',
      text: '429 comes with Retry-After: 60 and meets Gitea too: events of that minute are lost unless Gitea sends them again.',
    },
    {
      type: 'note',
      text: 'It took an unsigned request, or the secret is known: put a new GITEA_WEBHOOK_SECRET into Gitea and .env, then restart. Between the two every event is refused with 401.',
    },
    {
      type: 'act',
      text: 'restart it, so that it takes the new secret',
      act: 'service.restart',
      on: (view) => refOrNone(server(view, 'webhook')),
    },
    { type: 'check', text: 'it answers well', holds: (view) => server(view, 'webhook')?.status === 'up' },
    {
      type: 'act',
      text: 'it still refuses what nobody signed',
      act: 'webhook.probe',
      on: (view) => refOrNone(server(view, 'webhook')),
    },
  ],
};

/** A tool or a rejection waits for a person. */
const waitingGate: Playbook = {
  id: 'waiting-gate',
  title: 'A gate waits',
  steps: [
    {
      type: 'check',
      text: 'this Orket can be answered',
      holds: (_view, target) => target.type === 'approval' && target.answerable,
    },
    {
      type: 'note',
      text: 'Where it can not, nothing in the program reads the row again: the request is only to be seen.',
    },
    { type: 'act', text: 'read the turn that asks', act: 'turn.inspect', on: onTurn },
    { type: 'act', text: 'approve it', act: 'approval.approve' },
    { type: 'act', text: 'or deny it', act: 'approval.deny' },
    {
      type: 'note',
      text: 'A turn whose tool was held back has ended: what goes on is a rerun of the card.',
    },
    { type: 'act', text: 'its card alone', act: 'job.resume', on: onCard },
    {
      type: 'check',
      text: 'nothing waits at this gate any more',
      holds: (_view, target) => target.type === 'approval' && target.status !== 'pending',
    },
  ],
};

/** Procedures for the conditions of this kind. */
export const orketPlaybooks: readonly Playbook[] = [
  stalledRolePipeline,
  zombieRun,
  blockedBacklog,
  verificationStalls,
  apiFails,
  webhookStorm,
  waitingGate,
  ...releasePlaybooks,
];
