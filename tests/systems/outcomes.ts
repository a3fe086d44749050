/**
 * Which test shows of each act how it ends: done, refused, exit 0 and nothing happened, no end in time, half done. What
 * can't be is said with its reason. A new act has no row here, and `outcomes.test.ts` fails.
 */

export const OUTCOMES = ['done', 'refused', 'nothing', 'endless', 'half'] as const;
type Outcome = (typeof OUTCOMES)[number];

/** Why an act can't end in that way. */
export interface Never {
  readonly never: string;
}

/** Test file beside the others of the kind, without `.test.ts`, or why there is none. */
export type Shown = { readonly [outcome in Outcome]: string | Never };

/** Ids of acts, parted by blanks, and where it is shown of each of them. */
type Row = readonly [acts: string, shown: Shown];

const never = (why: string): Never => ({ never: why });

const aSignal = never('a signal says nothing: the process is gone or lives');
const kernel = never('SIGKILL is not refused, and nothing of it can hang or be half done');
const oneFile = never('we change one file, in one step');
const reads = never('we read files: nothing is started');
const looks = never('one request that changes nothing is answered or not');

const all = (done: string, others: string): Shown => ({
  done,
  refused: others,
  nothing: others,
  endless: others,
  half: others,
});

export const outcomes: { readonly [kind: string]: readonly Row[] } = {
  orket: [
    ['turn.replay', all('acts-outcomes', 'acts-outcomes')],
    ['turn.fetch', { ...all('acts-api', 'acts-outcomes'), half: looks }],
    ['turn.inspect', { done: 'acts', refused: reads, nothing: reads, endless: reads, half: reads }],
    ['approval.approve approval.deny', { ...all('acts-api', 'acts-outcomes'), half: 'acts-api' }],
    ['job.resume epic.run', all('acts-live', 'acts-outcomes')],
    ['run.resume', all('acts-live', 'acts-outcomes')],
    ['run.halt', { ...all('acts-live', 'acts-outcomes-servers'), half: never('a run is carried on or not') }],
    [
      'check.smoke check.security check.boundaries check.golden-flow check.load report.failures report.prompts',
      all('acts-live', 'acts-outcomes'),
    ],
    ['database.migrate job.archive run.archive cards.archive', all('acts-live', 'acts-outcomes')],
    ['webhook.probe', { ...all('acts-api', 'acts-outcomes'), half: looks }],
    ['log.clear', { ...all('acts-api', 'acts-outcomes'), half: oneFile }],
    ['service.start', { ...all('acts-api', 'acts-outcomes'), endless: 'acts-outcomes-servers' }],
    ['service.restart', { ...all('acts-api', 'acts-outcomes-servers'), half: 'acts-outcomes' }],
    ['service.stop', { ...all('acts-api', 'acts-outcomes-servers'), half: never('one process or unit') }],
  ],
  reflexive: [
    ['request.approve', { ...all('acts-more', 'acts-outcomes'), half: 'acts-more' }],
    ['request.deny', { ...all('acts-outcomes', 'acts-outcomes'), half: never('it is denied or it is not') }],
    ['daemon.start', { ...all('acts', 'acts-outcomes'), half: 'acts' }],
    ['daemon.restart', all('acts', 'acts-outcomes-tools')],
    ['daemon.stop', { ...all('acts', 'acts-outcomes-tools'), half: 'acts-keeper' }],
    ['daemon.kill', { done: 'acts', refused: kernel, nothing: kernel, endless: kernel, half: kernel }],
    ['health.check', { ...all('acts-more', 'acts-outcomes'), half: 'acts-more' }],
    [
      'config.validate github.check',
      { ...all('acts-more', 'acts-outcomes'), half: never('its words alone count') },
    ],
    ['pr.check config.set', all('acts-more', 'acts-outcomes-tools')],
    [
      'repository.check',
      {
        ...all('acts-keeper', 'acts-outcomes-tools'),
        nothing: never('git fsck says nothing of a repository that is sound'),
      },
    ],
    ['activity.review backup.create backup.restore', all('acts-keeper', 'acts-outcomes-tools')],
    ['checkout.rollback', { ...all('acts-more', 'acts-outcomes'), half: never('git moves HEAD or refuses') }],
    ['pr.revert', all('acts-outcomes', 'acts-outcomes')],
    ['roadmap.generate', { ...all('acts-more', 'acts-outcomes'), half: 'acts-more' }],
  ],
  coherence: [
    ['pipeline.restart', { ...all('acts-live', 'acts-outcomes-ends'), endless: oneFile, half: 'demo' }],
    ['pipeline.start manager.start runner.start', all('acts-live', 'acts-outcomes')],
    ['pipeline.halt orphans.end', { ...all('acts-live', 'acts-outcomes-ends'), nothing: aSignal }],
    ['manager.end', { ...all('acts-live', 'acts-outcomes-ends'), nothing: aSignal }],
    ['api.restart', all('acts-live', 'acts-outcomes-requests')],
    [
      'restart.withdraw fatal.clear',
      { ...all('acts-live', 'acts-outcomes-ends'), endless: oneFile, half: oneFile },
    ],
    ['job.answer', all('demo', 'acts-outcomes-requests')],
    ['job.requeue job.fail job.cancel job.diagnose', all('acts-live', 'acts-outcomes-requests')],
    ['logs.clean', all('acts-live', 'acts-outcomes-ends')],
    [
      'monitor.check pipeline.report pipeline.check fatal.report manager.preview failures.report surface.report tests.check specs.check web.check worktree.check prs.check telemetry.migrate',
      all('acts-live', 'acts-outcomes'),
    ],
    ['start.check', all('acts-outcomes', 'acts-outcomes')],
  ],
  aragora: [
    [
      'approval.approve approval.deny debate.start database.backup',
      all('acts-live', 'acts-outcomes-requests'),
    ],
    ['run.replay', { done: 'acts', refused: reads, nothing: reads, endless: reads, half: reads }],
    ['api.restart api.start api.stop', all('acts-live', 'acts-outcomes')],
    ['api.kill', { done: 'acts-run', refused: kernel, nothing: kernel, endless: kernel, half: kernel }],
    ['loop.kill', { done: 'acts-run', refused: kernel, nothing: kernel, endless: kernel, half: kernel }],
    ['loop.start', all('acts-live', 'acts-outcomes')],
    [
      'loop.stop',
      {
        done: 'acts-live',
        refused: 'acts-outcomes-requests',
        nothing: aSignal,
        endless: 'acts-outcomes-requests',
        half: never('one process'),
      },
    ],
    [
      'loop.check constitution.check tree.stash tree.inspect backup.restore backup.compare',
      all('acts', 'acts-outcomes'),
    ],
    [
      'breaker.clear',
      { done: 'acts', refused: 'acts-outcomes', nothing: oneFile, endless: oneFile, half: oneFile },
    ],
    [
      'deployment.restart deployment.rollback deployment.scale deployment.inspect autoscaler.raise',
      all('acts', 'acts-outcomes'),
    ],
  ],
  openclaw: [
    ['job.approve', { ...all('acts-live', 'acts-live'), half: 'taken-back' }],
    ['job.answer', { ...all('acts', 'acts-live'), half: 'acts-stop' }],
    ['job.retry', all('acts-live', 'acts-live')],
    ['job.resubmit', { ...all('acts-live', 'acts-live'), half: 'acts-outcomes-programs' }],
    ['job.rerun', { ...all('acts-live', 'acts-live'), half: never('one command moves one row') }],
    ['job.cancel', { ...all('acts-live', 'acts-live'), half: 'acts-stop' }],
    ['job.revise', { ...all('acts-live', 'acts-live'), half: never('one command moves one row') }],
    ['job.submit', { ...all('acts-live', 'acts-live'), half: never('one row comes or does not') }],
    ['job.stop', all('acts-live', 'acts-outcomes-programs')],
    ['job.timeline', { done: 'traps', refused: reads, nothing: reads, endless: reads, half: reads }],
    ['worker.start', { ...all('acts-live', 'acts-outcomes'), nothing: 'acts-live', half: 'acts-live' }],
    ['worker.stop worker.restart', all('acts-outcomes', 'acts-outcomes')],
    ['worker.pass', all('acts-live', 'acts-outcomes-programs')],
    [
      'job.status report.metrics check.imports gate.scorecard gate.latency canary.decide gate.canary gate.release',
      all('acts-report', 'acts-outcomes-programs'),
    ],
    ['gate.slo gate.merge check.security', all('acts-outcomes-programs', 'acts-outcomes-programs')],
  ],
};
