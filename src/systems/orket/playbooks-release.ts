import { type Entity, type Ref, refOf } from '../../domain/entity.ts';
import type { Playbook, StateView } from '../system.ts';
import { isUnderWay } from './act-program.ts';

const onCheckout = (view: StateView): Ref | undefined => refTo(view.entity('service', 'orket'));
const onApi = (view: StateView): Ref | undefined => refTo(view.entity('service', 'api'));
const onWebhook = (view: StateView): Ref | undefined => refTo(view.entity('service', 'webhook'));

function refTo(entity: Entity | undefined): Ref | undefined {
  return entity && refOf(entity);
}

const isQuiet = (view: StateView): boolean => !view.entities('run').some(isUnderWay);

/** The release gate, each command as a check. */
const releaseGate: Playbook = {
  id: 'release-gate',
  title: 'Release gate',
  steps: [
    { type: 'act', text: 'the golden flow', act: 'check.golden-flow', on: onCheckout },
    { type: 'act', text: 'what may import what', act: 'check.boundaries', on: onCheckout },
    { type: 'act', text: 'the security canary', act: 'check.security', on: onCheckout },
    { type: 'act', text: 'the smoke test', act: 'check.smoke', on: onCheckout },
    {
      type: 'check',
      text: '/health answers well',
      holds: (view) => view.entity('service', 'api')?.status === 'up',
    },
    { type: 'act', text: 'failures and idle turns so far', act: 'report.failures', on: onCheckout },
    { type: 'act', text: 'the prompts measured', act: 'report.prompts', on: onCheckout },
    { type: 'check', text: 'no run is under way that load would disturb', holds: isQuiet },
    {
      type: 'act',
      text: 'real load; its artifact is the newest file of benchmarks/results',
      act: 'check.load',
      on: onCheckout,
      params: () => ({ profile: 'heavy' }),
    },
    { type: 'note', text: 'The quality workflow and the docker smoke run in CI: look there.' },
  ],
};

/** Migrations in the order that can be taken back. */
const migrate: Playbook = {
  id: 'migrate',
  title: 'Migrate the databases',
  steps: [
    { type: 'check', text: 'no run is under way', holds: isQuiet },
    { type: 'act', text: 'stop the API', act: 'service.stop', on: onApi },
    { type: 'act', text: 'stop the webhook server', act: 'service.stop', on: onWebhook },
    { type: 'note', text: 'Copy .orket/durable/db as it is now: nothing else takes a migration back.' },
    { type: 'act', text: 'apply what is missing', act: 'database.migrate', on: onCheckout },
    { type: 'act', text: 'start the API', act: 'service.start', on: onApi },
    { type: 'act', text: 'start the webhook server', act: 'service.start', on: onWebhook },
    {
      type: 'check',
      text: '/health answers well',
      holds: (view) => view.entity('service', 'api')?.status === 'up',
    },
  ],
};

/** Cards of a project that is no more. */
const archiveProject: Playbook = {
  id: 'archive-project',
  title: 'Archive a project',
  steps: [
    {
      type: 'note',
      text: 'Orket matches parts of ids, builds, summaries and notes: a short word takes other projects along. The preview names every card.',
    },
    { type: 'check', text: 'no run is under way: running cards would be archived too', holds: isQuiet },
    {
      type: 'act',
      text: 'archive by words, after a look at what they match',
      act: 'cards.archive',
      on: onCheckout,
    },
    {
      type: 'note',
      text: 'A whole build: run.archive on one of its runs. One card: job.archive on the card.',
    },
    {
      type: 'note',
      text: 'Remove its file from model/*/epics: the next run of the epic would set the archived cards back to ready.',
    },
  ],
};

/** A secret that got out. The order: what stops the harm first, what can't be undone last. */
const leakedSecret: Playbook = {
  id: 'leaked-secret',
  title: 'Leaked secret',
  steps: [
    {
      type: 'note',
      text: 'New value at its issuer first, then in .env. The old one works until both servers have been started anew.',
    },
    { type: 'check', text: 'no run is under way inside the servers', holds: isQuiet },
    { type: 'act', text: 'restart the API', act: 'service.restart', on: onApi },
    { type: 'act', text: 'restart the webhook server', act: 'service.restart', on: onWebhook },
    {
      type: 'check',
      text: '/health answers well',
      holds: (view) => view.entity('service', 'api')?.status === 'up',
    },
    { type: 'act', text: 'unsigned events are refused', act: 'webhook.probe', on: onWebhook },
    {
      type: 'note',
      text: 'Taking it out of the history of git rewrites every commit since: git push --force overwrites the work of others and does not call the secret back. Agree on it first, after the rotation; it is no step of this cockpit.',
    },
    { type: 'note', text: 'Tell the others to fetch the cleaned history into fresh clones.' },
  ],
};

/** Procedures nobody is called at night for, but that are run by hand. */
export const releasePlaybooks: readonly Playbook[] = [releaseGate, migrate, archiveProject, leakedSecret];
