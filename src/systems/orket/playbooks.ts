import type { Playbook } from '../system.ts';
import { onCard, onTurn, refOrNone, server } from './playbook-targets.ts';
import { releasePlaybooks } from './playbooks-release.ts';
import { runPlaybooks } from './playbooks-run.ts';

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
      text: 'An outward run goes on by itself. A turn of a card whose tool was held back has ended: what goes on is a rerun of the card.',
    },
    { type: 'act', text: 'its card alone', act: 'job.resume', on: onCard },
    {
      type: 'check',
      text: 'nothing waits at this gate any more',
      holds: (view, target) => view.entity('approval', target.id)?.status !== 'pending',
    },
  ],
};

/** Procedures for the conditions of this kind. */
export const orketPlaybooks: readonly Playbook[] = [
  ...runPlaybooks,
  apiFails,
  webhookStorm,
  waitingGate,
  ...releasePlaybooks,
];
