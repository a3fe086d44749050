import type { Attention, Evidence, Issue } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { type CardState, isRequeuedByRerun } from './derive-cards.ts';
import { type IssueInputs, issueOf } from './derive-issues.ts';
import { logEvidence, type RunState, runTrail } from './derive-runs.ts';
import { clip, compact, newest } from './facts.ts';
import { runLinesKey } from './log-text.ts';

/** Runs that ended well and whose files did not get where they should: only the log tells. */
export function exportIssues({ runs, context, isSuperseded }: IssueInputs): Issue[] {
  return runs.flatMap((run) => {
    const failed = run.logged?.fact.exportFailed;
    if (!failed || !run.logged || isSuperseded(run)) return [];
    const why = clip(failed.error ?? 'no reason written', 140);
    return [
      issueOf(
        context.located.system,
        compact({
          key: `run.export-failed:${run.build ?? run.name}`,
          title: `${clip(run.name, 40)}: its files were not exported`,
          observedAt: run.logged.file.readAt,
          evidence: logEvidence(run.logged, failed, why),
          severity: 'warning' as const,
          detail: why,
          since: failed.at,
          suggestedAction: 'export agent_output by hand; a rerun would do all its work again',
          attention: compact({
            rank: 7 as const,
            label: 'LOST',
            why: `not exported: ${why}`,
            since: failed.at,
          }),
          logKeys: [run.id, runLinesKey(run.id)],
          data: { run: run.id, build: run.build ?? null },
        }),
      ),
    ];
  });
}

/** Issues of runs: each has the build in its key, so the same trouble of the next run is the same issue. */
export function runIssues(inputs: IssueInputs): Issue[] {
  const found: Issue[] = [];
  for (const run of inputs.runs) {
    if (inputs.isSuperseded(run)) continue;
    const condition = conditionOf(run, inputs);
    if (!condition) continue;
    const { facts, context } = inputs;
    const trail = runTrail(run, facts);
    const evidence = condition.evidence ?? trail[0] ?? { source: 'db' };
    // A run of one card is another condition than one of the whole build: both may stand.
    const target = run.ledger?.target;
    const place = `${run.build ?? run.name}${target === undefined ? '' : `/${target}`}`;
    const key = `${condition.name}:${condition.name === 'run.zombie' ? run.id : place}`;
    const rank = condition.severity === 'fatal' ? 2 : 7;
    const attention: Attention | undefined = compact({
      rank: rank as 2 | 7,
      label: condition.label,
      why: condition.why,
      since: condition.since,
      playbook: playbookFor(condition.name),
    });
    found.push(
      issueOf(
        context.located.system,
        compact({
          key,
          title: condition.title,
          observedAt: (newest([facts.db?.readAt, run.logged?.file.readAt]) ?? context.now) as Instant,
          evidence,
          trail: [
            ...trail.filter((one) => one.query !== evidence.query || one.offset !== evidence.offset),
            ...openCardsTrail(run, inputs),
          ],
          attention: condition.severity === 'info' ? undefined : attention,
          severity: condition.severity,
          detail: condition.why,
          since: condition.since,
          suggestedAction: condition.action,
          playbook: playbookFor(condition.name),
          logKeys: [run.id, runLinesKey(run.id)],
          cautions: condition.cautions,
          data: { run: run.id, build: run.build ?? null },
        }),
      ),
    );
  }
  return found;
}

function playbookFor(condition: string): string {
  if (condition === 'run.zombie' || condition === 'run.halted') return 'zombie-run';
  if (condition === 'backlog.stalled' || condition === 'run.terminal-failure') return 'blocked-backlog';
  return 'stalled-role-pipeline';
}

interface Condition {
  readonly name: string;
  readonly title: string;
  readonly why: string;
  readonly label: string;
  readonly severity: Issue['severity'];
  readonly since?: Instant | undefined;
  readonly action: string;
  readonly cautions?: readonly string[];
  readonly evidence?: Evidence;
}

const RERUN_RESETS =
  'Rerunning the epic sets every card of the build back to ready, done and archived ones too.';
const ENDS_AT_RETRY = 'Every retry ends the whole run: nothing goes on until somebody starts the epic again.';

function conditionOf(run: RunState, inputs: IssueInputs): Condition | undefined {
  // The name comes from their database and is there to be copied: only a plain word may stand in a command.
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,80}$/.test(run.name);
  const rerun = `rerun the epic: python main.py --epic ${isPlain ? run.name : 'EPIC (its name is not safe to copy)'}`;
  const open = openCardsOf(run, inputs);
  // Every card is done or put away: however the run ended, nothing is left to move.
  if (open !== undefined && open.length === 0) return undefined;
  const what = clip(run.name, 40);
  const { ledger, logged } = run;
  switch (run.life) {
    case 'gone':
      return {
        name: 'run.zombie',
        title: `${what}: run ${run.id} is a zombie`,
        why: 'ledger says running, no process of this checkout runs it',
        label: 'FATAL',
        severity: 'fatal',
        since: run.stillSince,
        action: rerun,
        cautions: [
          'A killed or halted run keeps its ledger row on running; nothing in Orket corrects it.',
          RERUN_RESETS,
        ],
      };
    case 'halted':
      return {
        name: 'run.halted',
        title: `${what}: run ${run.id} was halted`,
        why: 'halted; its ledger row stays running, its cards stay in hand',
        label: 'HALTED',
        severity: 'warning',
        since: logged?.fact.halted?.at,
        action: rerun,
        cautions: [RERUN_RESETS],
      };
    case 'alive':
    case 'quiet':
    case 'unknown':
      return undefined;
    case 'over':
      break;
  }
  const status = logged?.fact.end && ledger?.status === 'running' ? logged.fact.end.status : run.nativeStatus;
  const since = run.endedAt ?? run.lastAt;
  const failureClass = ledger?.failureClass ?? logged?.fact.end?.failureClass ?? '';
  const reason = ledger?.failureReason ?? '';
  if (logged?.fact.stalled || status === 'incomplete' || reason.startsWith('No executable candidates')) {
    return stalledBacklog(run, inputs, open, since, rerun);
  }
  if (status === 'terminal_failure') {
    return {
      name: 'run.terminal-failure',
      title: `${what}: ended with cards given up`,
      why: 'terminal_failure (the command exited 0): blocked cards wait for a person',
      label: 'FATAL',
      severity: 'fatal',
      since,
      action: 'look at the dead cards, then rerun or archive',
      cautions: ['The program ends with exit code 0 after a terminal failure.', RERUN_RESETS],
    };
  }
  if (status !== 'failed') return undefined;
  const retry = /\(Retry (\d{1,6})\/(\d{1,6})\)/.exec(reason);
  if (retry) {
    return {
      name: 'retry.wanted',
      title: `${what}: stopped for retry ${retry[1]} of ${retry[2]}`,
      why: `nobody reruns it: ${clip(reason.slice(retry.index + retry[0].length).replace(/^[\s:]+/, ''), 120)}`,
      label: 'FATAL',
      severity: 'fatal',
      since,
      action: rerun,
      cautions: [ENDS_AT_RETRY, RERUN_RESETS],
    };
  }
  const isModel = /^Model\w*Error$/.test(failureClass);
  return {
    name: isModel ? 'model.failed' : 'run.failed',
    title: isModel ? `${what}: model ${modelWord(failureClass)}, run over` : `${what}: run failed`,
    why:
      [failureClass, clip(reason, 140)].filter((part) => part !== '').join(': ') ||
      'failed, no reason written',
    label: 'FATAL',
    severity: 'fatal',
    since,
    action: isModel ? `see that the model answers, then ${rerun}` : rerun,
    cautions: isModel ? [RERUN_RESETS] : [ENDS_AT_RETRY, RERUN_RESETS],
  };
}

function modelWord(failureClass: string): string {
  if (failureClass.includes('Timeout')) return 'timed out';
  return failureClass.includes('Connection') ? 'not reached' : 'failed';
}

function stalledBacklog(
  run: RunState,
  inputs: IssueInputs,
  open: readonly CardState[] | undefined,
  since: Instant | undefined,
  rerun: string,
): Condition {
  const target = run.ledger?.target;
  const targetCard = target === undefined ? undefined : inputs.cards.get(target);
  const count = open?.length ?? run.logged?.fact.stalled?.backlog.length;
  const stalled = run.logged?.fact.stalled;
  const base = { label: 'FATAL', since: since ?? stalled?.at, name: 'backlog.stalled', action: rerun };
  if (targetCard && !targetCard.isOpen) {
    // --resume of one card ends "failed" because others are open, though the card itself went through.
    return {
      ...base,
      title: `${target}: went through, its run says failed`,
      why: `run of one card reports failure while ${count ?? 'other'} cards are open`,
      severity: 'info',
      action: 'nothing for this card',
    };
  }
  const names = (open ?? []).slice(0, 3).map((card) => `${card.row.id} ${card.row.status}`);
  const listed = names.length > 0 ? `: ${names.join(', ')}${(count ?? 0) > 3 ? ' ...' : ''}` : '';
  return compact({
    ...base,
    title: `${clip(run.name, 40)}: backlog stalled, ${count ?? 'some'} cards open`,
    why: `no card can be dispatched${listed}`,
    severity: 'fatal' as const,
    cautions: [RERUN_RESETS],
    evidence:
      run.logged && stalled
        ? logEvidence(run.logged, stalled, stalled.reason ?? 'orchestrator_stalled')
        : undefined,
  });
}

/** Open cards of the run's build, or undefined when the cards are not known. */
function openCardsOf(run: RunState, inputs: IssueInputs): readonly CardState[] | undefined {
  if (!inputs.facts.tables.cards || run.build === undefined) return undefined;
  const cards = inputs.cardsOfBuild.get(run.build);
  return cards?.filter((card) => card.isOpen).sort((a, b) => (a.row.id < b.row.id ? -1 : 1));
}

function openCardsTrail(run: RunState, inputs: IssueInputs): Evidence[] {
  return (openCardsOf(run, inputs) ?? []).slice(0, 10).map((card) =>
    compact({
      source: 'db',
      path: inputs.facts.db?.path,
      query: `issues where id = '${card.row.id}'`,
      text: `${card.row.id} ${card.row.status}${isRequeuedByRerun(card.row.status) ? ', requeued by a rerun' : ''}`,
      at: card.since?.at,
    }),
  );
}
