import type { Issue } from '../../domain/entity.ts';
import { type Cost, usd } from './derive-cost.ts';
import { currentLifetime, evidence, isAlive, type Picture } from './derive-picture.ts';
import { issueOf } from './issue-parts.ts';

/** True when the configuration would end the next start. */
export function hasConfigTrouble(picture: Picture): boolean {
  return picture.configError !== undefined || picture.config.problems.length > 0;
}

/** A configuration `start` would refuse, before somebody restarts with it. */
export function configTrouble(picture: Picture): Issue | undefined {
  if (!hasConfigTrouble(picture) || !picture.configFile) return undefined;
  const file = picture.configFile;
  const problems = picture.configError === undefined ? picture.config.problems : [picture.configError];
  const alive = isAlive(picture);
  const at = file.modifiedAt === undefined ? {} : { at: file.modifiedAt };
  return issueOf(picture, {
    key: 'config-invalid',
    title: `${file.path}: ${problems[0] ?? ''}`.slice(0, 160),
    severity: alive ? 'error' : 'fatal',
    observedAt: file.readAt,
    trail: problems.map((text) => evidence({ file }, { text, ...at })),
    since: file.modifiedAt,
    detail: `start ends with exit 1: ${problems.join('; ')}`,
    suggestedAction: 'Correct the file, then `python -m src.cli validate-config` must say valid.',
    playbook: 'will-not-start',
    row: {
      rank: alive ? 7 : 2,
      label: alive ? 'CONFIG' : 'FATAL',
      why: alive ? 'the next restart will fail' : 'the daemon is down, and start refuses',
    },
  });
}

/** A limit that was edited and is not in force: the daemon reads its configuration once. */
export function configChanged(picture: Picture, cost: Cost | undefined): Issue | undefined {
  const run = currentLifetime(picture)?.fact;
  const inForce = cost?.limitFrom === 'daemon' ? cost.limit : run?.value.limit;
  const file = picture.configFile;
  if (!isAlive(picture) || inForce === undefined || !file || hasConfigTrouble(picture)) return undefined;
  const written = picture.config.maxCostPerDay;
  if (Math.abs(written - inForce) < 0.001) return undefined;
  const at = file.modifiedAt;
  const isNewer = at !== undefined && run !== undefined && at > run.value.at;
  return issueOf(picture, {
    key: 'config-not-in-force',
    title: `daily limit ${usd(written)} is written, ${usd(inForce)} is in force`,
    severity: 'warning',
    observedAt: file.readAt,
    trail: [
      evidence(
        { file },
        { text: `safety.max_api_cost_per_day ${written}`, ...(at === undefined ? {} : { at }) },
      ),
      ...(run
        ? [
            evidence(run, {
              offset: run.value.offset,
              at: run.value.at,
              text: `started with ${usd(inForce)}`,
            }),
          ]
        : []),
    ],
    since: isNewer ? at : run?.value.at,
    detail: 'The daemon reads its configuration at its start only.',
    suggestedAction: 'Restart the daemon at a moment without an operation in flight.',
    playbook: 'cost-limit',
    row: {
      rank: 7,
      label: 'CONFIG',
      why: 'the edit has no effect before a restart',
      act: 'daemon.restart',
    },
  });
}
