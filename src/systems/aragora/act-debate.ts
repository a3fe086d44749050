import { getArray, getObject, getString } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import { httpAnswer, isAbout, stageOf, timeIn } from './act-common.ts';
import { placeOf } from './schema.ts';

// ---------------------------------------------------------------- what it can be asked for

function keyed(view: StateView) {
  const variable = view.located.settings.keyEnv;
  return variable ? { secretHeader: { name: 'authorization', variable, prefix: 'Bearer ' } } : {};
}

function urlRefusal(view: StateView): string | undefined {
  if (view.located.url === undefined) return 'no url= of its server is given';
  if (placeOf(view.located).server === 'nomic') return "the loop's own server does not have this path";
  return undefined;
}

/** A debate is queued by it and may die at once: only its place in the list shows that there is one. */
export const startDebate: ActSpec = {
  id: 'debate.start',
  title: 'start a debate',
  menu: 'other',
  risk: 'costly',
  does: 'POST /api/v1/debates: asks the agents; each round costs money',
  runs: 'POST /api/v1/debates',
  outcome: 'a new debate with this question in the list',
  params: [
    { name: 'question', title: 'question', form: 'text', required: true, maxLength: 1000 },
    {
      name: 'agents',
      title: 'agents',
      form: 'choice',
      required: true,
      choices: ['claude, gpt-4', 'claude, gemini', 'claude', 'gpt-4', 'gemini', 'grok'],
    },
    { name: 'rounds', title: 'rounds', form: 'choice', required: true, choices: ['1', '2', '3', '5'] },
  ],
  appliesTo: (target) => isAbout(target, 'api', []) || (target.type === 'layer' && target.id === 'debates'),
  precondition: (view) =>
    urlRefusal(view) ??
    (getString(view.data, 'apiState') === 'down' ? 'the server gives no answer' : undefined),
  warnings: () => [
    'Its answer says that it was queued, not that it runs: one without a working agent dies at once.',
    'The field is "question": with "topic", as the runbook has it, the server answers 400.',
  ],
  revision: (view) => `${getString(view.data, 'apiState') ?? ''}|${getArray(view.data, 'debates').length}`,
  baseline: (view) => ({ ids: getArray(view.data, 'debates').map((one) => getString(one, 'id') ?? '') }),
  plan(view, _target, params) {
    const question = (params['question'] ?? '').trim();
    if (question === '') return [];
    const agents = (params['agents'] ?? '').split(',').map((one) => one.trim());
    return [
      {
        type: 'http',
        title: 'ask for a debate',
        method: 'POST',
        url: `${view.located.url}/api/v1/debates`,
        body: { question, agents, rounds: Number(params['rounds'] ?? '1') },
        ...keyed(view),
        timeoutMs: 20_000,
      },
    ];
  },
  read: httpAnswer,
  expect(view, order) {
    const known = getArray(order.baseline, 'ids');
    const question = (order.params['question'] ?? '').trim();
    const ours = getArray(view.data, 'debates').find(
      (one) => getString(one, 'task') === question && !known.includes(getString(one, 'id') ?? ''),
    );
    const status = getString(ours, 'status') ?? '';
    const trouble = getObject(view.data, 'debateInvalid');
    const isTrouble = (timeIn(trouble, 'at') ?? 0) >= order.startedAt;
    const died = /^(error|failed)$/.test(status)
      ? { instead: `it died: ${status}` }
      : ours === undefined && isTrouble
        ? { instead: getString(trouble, 'text') ?? 'it died at once' }
        : undefined;
    return [
      stageOf(
        order,
        'started',
        'it is in the list of debates',
        died ?? (ours ? { seen: `${getString(ours, 'id')}: ${status}` } : false),
        90_000,
      ),
    ];
  },
  undo: { text: 'cannot be undone: what was spent is spent' },
};

/** A verified copy of one of the server's databases; copying the file alone would leave its `-wal` behind. */
export const backUpDatabase: ActSpec = {
  id: 'database.backup',
  title: 'back up a database',
  menu: 'other',
  risk: 'reversible',
  does: 'POST /api/v2/backups: a checked, compressed copy beside the backups of the loop',
  runs: 'POST /api/v2/backups',
  outcome: 'a new copy of that database in .nomic/backups',
  params: [
    {
      name: 'database',
      title: 'database',
      form: 'choice',
      required: true,
      choices: ['users.db', 'core.db', 'debates.db', 'agent_elo.db', 'continuum.db'],
    },
  ],
  appliesTo: (target) => isAbout(target, 'api', []),
  precondition: (view) =>
    urlRefusal(view) ??
    (getString(view.data, 'apiState') === 'down' ? 'the server gives no answer' : undefined),
  warnings: () => ['GET of that path hangs: the list of copies is read from their directory.'],
  revision: (view) => `${getArray(view.data, 'copies').length}`,
  baseline: (view) => ({ copies: getArray(view.data, 'copies') }),
  plan(view, _target, params) {
    const { nomic } = placeOf(view.located);
    return [
      {
        type: 'http',
        title: `back up ${params['database']}`,
        method: 'POST',
        url: `${view.located.url}/api/v2/backups`,
        body: { source_path: `${nomic}/${params['database']}`, backup_type: 'full' },
        ...keyed(view),
        timeoutMs: 120_000,
      },
    ];
  },
  read: httpAnswer,
  expect(view, order) {
    const before = getArray(order.baseline, 'copies');
    const stem = `${(order.params['database'] ?? '').replace(/\.db$/, '')}_`;
    const fresh = getArray(view.data, 'copies').find(
      (name) => typeof name === 'string' && name.startsWith(stem) && !before.includes(name),
    );
    const seen = typeof fresh === 'string' ? { seen: fresh } : false;
    // A copy that broke off has the same name as a whole one: only with its word that it was checked is it one.
    return [{ ...stageOf(order, 'done', 'a new copy of it', seen, 150_000), anyones: true }];
  },
  undo: { text: 'the copy may be removed by hand' },
};
