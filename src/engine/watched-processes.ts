import { emptyProcessTable, type ProcessTable } from '../domain/process.ts';
import type { SourceSpec } from '../systems/system.ts';

/** The processes one system is interested in: those its sources describe, and those its facts name by pid. */
export class WatchedProcesses {
  #table: ProcessTable;
  #pids: readonly number[] = [];

  constructor(now: ProcessTable['readAt']) {
    this.#table = emptyProcessTable(now);
  }

  /** The newest table. */
  get table(): ProcessTable {
    return this.#table;
  }

  /** Takes a newer table in. False when nothing moved in it that a rule could look at. */
  take(table: ProcessTable): boolean {
    const moved = rulesSee(this.#table) !== rulesSee(table);
    this.#table = table;
    return moved;
  }

  /** Pids the facts name now. What they are is in the table once it was read for them. */
  want(pids: readonly number[]): void {
    this.#pids = [...new Set(pids)].sort((a, b) => a - b);
  }

  /** The sources, with the wanted pids among what the process table is asked for. */
  ask(specs: readonly SourceSpec[]): readonly SourceSpec[] {
    if (this.#pids.length === 0) return specs;
    return specs.map((spec) => {
      if (spec.type !== 'process') return spec;
      const pids = [...new Set([...(spec.match.pids ?? []), ...this.#pids])];
      return { ...spec, match: { ...spec.match, pids } };
    });
  }
}

function rulesSee(table: ProcessTable): string {
  return table.processes
    .map(
      (one) =>
        `${one.pid}:${one.startedAt}:${one.parentPid}:${one.readsTerminal}:${one.ports.join('.')}:${one.state === 'Z'}`,
    )
    .join('|');
}
