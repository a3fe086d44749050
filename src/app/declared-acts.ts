import { kindsOf } from '../config/systems.ts';
import type { ActSummary, DeclaredAct } from '../domain/act.ts';
import type { ActSpec } from '../systems/system.ts';
import type { Session } from './session.ts';

/** The acts of each system that is watched: what can be asked for here. */
export function actsOfSystems({ systems }: Pick<Session, 'systems'>): readonly ActSummary[] {
  return systems.flatMap(({ kind, located }) =>
    kind.acts.map((act) => ({ system: located.system, ...summaryOf(act) })),
  );
}

/** The acts of every kind there is, those of the configuration included: what the program can do at all. */
export async function declaredActs({
  systems,
  config,
  configPath,
}: Pick<Session, 'systems' | 'config' | 'configPath'>): Promise<readonly DeclaredAct[]> {
  const kinds = await kindsOf(config, { path: configPath });
  return kinds.flatMap((kind) => {
    const own = systems.filter((one) => one.kind.kind === kind.kind).map(({ located }) => located.system);
    return kind.acts.map((act) => ({
      ...summaryOf(act),
      kind: kind.kind,
      ...(act.undo?.act === undefined ? {} : { undoAct: act.undo.act }),
      systems: own,
    }));
  });
}

function summaryOf(act: ActSpec): Omit<ActSummary, 'system'> {
  return {
    act: act.id,
    risk: act.risk,
    menu: act.menu,
    title: act.title,
    does: act.does,
    params: act.params.map((param) => (param.required ? param.name : `[${param.name}]`)).join(' '),
    ...(act.runs === undefined ? {} : { runs: act.runs }),
    ...(act.outcome === undefined ? {} : { outcome: act.outcome }),
    ...(act.undo === undefined ? {} : { undo: act.undo.text }),
  };
}
