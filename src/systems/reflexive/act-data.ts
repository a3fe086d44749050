import type { Json, JsonObject } from '../../lib/json.ts';
import type { Picture } from './derive-picture.ts';
import { newestMove } from './derive-points.ts';
import type { DecidedFact, ProgramFact, RoadmapFact, TreeFact } from './facts.ts';
import { findFact, findFamily } from './find-facts.ts';
import { logSources } from './locate.ts';
import { approvalWords } from './offered.ts';

/** Decisions kept for the acts that wait for theirs. */
const keptDecisions = 50;

/** What acts need to know and no entity carries: the program's words, the checkout, the configuration as written. */
export function actData(picture: Picture): JsonObject {
  return {
    ...programData(picture),
    ...checkoutData(picture),
    ...configData(picture),
    ...roadmapData(picture),
  };
}

function programData(picture: Picture): JsonObject {
  const { facts } = picture.context;
  const program = findFact<ProgramFact>(facts, ['program'], 'program', () => 0)?.value;
  const decided = findFamily<DecidedFact>(facts, logSources, 'decided:', (fact) => fact.at);
  const decisions = [...decided]
    .sort(([, a], [, b]) => b.value.at - a.value.at)
    .slice(0, keptDecisions)
    .map(([request, { value }]): [string, Json] => [request, value.how]);
  const listedAt = findFact<number>(facts, ['approvals'], 'listedAt', (at) => at)?.value;
  return defined({
    commands: program?.commands,
    approvals: program ? approvalWords(program) : undefined,
    listedAt,
    decisions: decisions.length === 0 ? undefined : Object.fromEntries(decisions),
  });
}

function checkoutData(picture: Picture): JsonObject {
  const tree = findFact<TreeFact>(picture.context.facts, ['git.tree'], 'tree', () => 0)?.value;
  const move = newestMove(picture)?.value;
  return defined({
    head: move?.to ?? tree?.commit,
    headAt: move?.at,
    headMessage: move?.message,
    branch: tree?.branch,
    changedFiles: tree?.changed,
    conflicts: tree?.conflicts,
  });
}

function configData(picture: Picture): JsonObject {
  const { config, configFile } = picture;
  return defined({
    repository: config.repository === '' ? undefined : config.repository,
    configFile: configFile?.path,
    written: configFile ? config.written : undefined,
    worthKeeping: worthKeeping(picture),
    roadmapIssues: config.autoCreateIssues ? 'yes' : 'no',
  });
}

/** Files of configuration and state that are there, below the root, by which one could go on elsewhere. */
function worthKeeping(picture: Picture): readonly string[] {
  const { facts } = picture.context;
  return ['config', 'config.root', 'analytics.db', 'cost', 'rate', 'roadmap']
    .flatMap((source) => facts.files(source))
    .filter((file) => file.present && !file.path.startsWith('/') && !file.path.startsWith('-'))
    .map((file) => file.path);
}

function roadmapData(picture: Picture): JsonObject {
  const roadmap = findFact<RoadmapFact>(picture.context.facts, ['roadmap'], 'roadmap', () => 0)?.value;
  return defined({
    roadmapCount: roadmap?.count,
    roadmapId: roadmap?.roadmapId,
    roadmapError: roadmap?.error,
    roadmapErrorAt: roadmap?.errorAt,
  });
}

function defined(values: { readonly [key: string]: Json | undefined }): JsonObject {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}
