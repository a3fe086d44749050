import type { Step, StepAnswer } from '../../domain/act.ts';
import { getNumber, getString } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import { answerOf, cliStep, failureOf, isDaemon, optionOf, programRefusal, stage } from './act-common.ts';

/** Four models are asked several times, each with its own time limit. */
const roadmapTimeoutMs = 45 * 60_000;

/** `generate-roadmap --force`: nothing else ever makes one, the daemon's own step for it is empty. */
export const generateRoadmap: ActSpec = {
  id: 'roadmap.generate',
  title: 'generate a roadmap',
  menu: 'other',
  risk: 'costly',
  does: 'has every model propose and judge features, and may open GitHub issues for them; minutes, and money',
  runs: 'src.cli generate-roadmap --force [--goals=TEXT ...]',
  outcome: 'roadmap_schedule.json counts one more',
  params: [
    {
      name: 'goals',
      title: 'goals, one a line',
      form: 'lines',
      required: false,
      maxLength: 2000,
      hint: 'what the proposals shall be about',
    },
  ],
  appliesTo: (target) =>
    isDaemon(target) ||
    (target.type === 'issue' && target.id === 'roadmap-error') ||
    (target.type === 'job' && target.id === 'roadmap'),
  precondition: (view) => programRefusal(view, 'generate-roadmap'),
  warnings: (view) => [
    'What it spends is not counted in the daily limit of the daemon.',
    getString(view.data, 'roadmapIssues') === 'yes'
      ? 'roadmap.auto_create_issues is true: it opens GitHub issues, and a daemon claims those that get its label.'
      : 'roadmap.auto_create_issues is false: proposals are written to roadmaps/ only.',
  ],
  revision: (view) =>
    `${getNumber(view.data, 'roadmapCount') ?? 0}|${getNumber(view.data, 'roadmapErrorAt') ?? 0}`,
  baseline: (view) => ({
    count: getNumber(view.data, 'roadmapCount') ?? 0,
    errorAt: getNumber(view.data, 'roadmapErrorAt') ?? 0,
  }),
  plan(view, _target, params): readonly Step[] {
    const goals = (params['goals'] ?? '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .slice(0, 20);
    return [
      cliStep(
        view,
        ['generate-roadmap', '--force', ...goals.map((goal) => optionOf('goals', goal))],
        'generate a roadmap',
        roadmapTimeoutMs,
      ),
    ];
  },
  read([output]): StepAnswer {
    const failed = failureOf(output);
    if (failed !== undefined) return answerOf(false, failed, output);
    const said = /completed successfully/i.test(output?.stdout ?? '');
    return answerOf(
      said,
      said ? 'it says that the cycle is complete' : 'exit 0, but no word of a roadmap',
      output,
    );
  },
  expect(view, order) {
    const count = getNumber(view.data, 'roadmapCount') ?? 0;
    const errorAt = getNumber(view.data, 'roadmapErrorAt') ?? 0;
    const made = count > (getNumber(order.baseline, 'count') ?? 0);
    const failed = errorAt > (getNumber(order.baseline, 'errorAt') ?? 0);
    return [
      stage(order, 'done', 'the schedule counts one more roadmap', roadmapTimeoutMs + 15_000, {
        state: made ? 'seen' : failed ? 'contradicted' : 'waiting',
        detail: made
          ? getString(view.data, 'roadmapId')
          : failed
            ? (getString(view.data, 'roadmapError') ?? 'it noted an error')
            : undefined,
      }),
    ];
  },
  undo: { text: 'cannot be undone: issues it opened must be closed on GitHub' },
};
