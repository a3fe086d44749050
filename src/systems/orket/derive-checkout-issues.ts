import type { Issue } from '../../domain/entity.ts';
import { counted } from '../../lib/phrase.ts';
import { type IssueInputs, issueOf } from './derive-issues.ts';
import { clip, compact } from './facts.ts';
import { isSafeName } from './schema.ts';

/** What is worth doing by day: nobody is called for it. */
export function checkoutIssues(inputs: IssueInputs): readonly Issue[] {
  return [...shapeIssue(inputs), ...goneEpicIssues(inputs)];
}

/** The database lacks columns this version of Orket has: `run_migrations.py` was not run, or it is a later one. */
function shapeIssue({ facts, context }: IssueInputs): Issue[] {
  const { lacking } = facts.tables;
  if (!facts.db || lacking.length === 0) return [];
  return [
    issueOf(context.located.system, {
      key: 'database.shape',
      title: 'the database has another shape than known',
      observedAt: facts.db.readAt,
      evidence: { source: 'db', path: facts.db.path, text: clip(lacking.join('; '), 300) },
      severity: 'info',
      detail:
        'What it lacks is left out on screen. An older database is brought up to date by the migrations.',
      suggestedAction: 'see which version of Orket runs here; migrate where the database is older',
      playbook: 'migrate',
    }),
  ];
}

/** Cards that are open, of an epic whose file is gone: a project that was removed, and no run takes them up again. */
function goneEpicIssues({ facts, context, cardsOfBuild, runs }: IssueInputs): Issue[] {
  // Without any epic it is the directory that is not read.
  if (facts.epics.length === 0) return [];
  const known = new Set(facts.epics);
  const issues: Issue[] = [];
  for (const [build, cards] of cardsOfBuild) {
    const epic = runs.find((run) => run.build === build)?.name ?? build.replace(/^build-/, '');
    if (known.has(epic) || build.startsWith('rock-build-') || !isSafeName(epic)) continue;
    const open = cards.filter((card) => card.isOpen);
    const [first] = open;
    if (!first) continue;
    issues.push(
      issueOf(
        context.located.system,
        compact({
          key: `epic.gone:${build}`,
          title: `${epic}: ${counted(open.length, 'open card')}, and no file of the epic`,
          observedAt: facts.db?.readAt ?? context.now,
          evidence: compact({
            source: 'db',
            path: facts.db?.path,
            query: `issues where build_id = '${build}'`,
            text: clip(open.map(({ row }) => `${row.id} ${row.status}`).join(', '), 300),
          }),
          severity: 'info' as const,
          detail: `no model/*/epics/${epic}.json: nothing can run these cards again`,
          suggestedAction: 'archive them where the project was removed',
          playbook: 'archive-project',
          data: { build },
        }),
      ),
    );
  }
  return issues;
}
