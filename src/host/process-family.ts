import { hasProc, listPids, readDescriptors, readProcessLink, readProcessStat } from './process-stat.ts';

/**
 * Knows which processes a program started, as far as that can be seen from outside: by looking at parents now and then
 * while they are still linked, by process group, and by who holds the program's output. A child that starts a session
 * of its own leaves the group, and after its parent's death nothing in the process table says where it came from.
 */
export interface ProcessFamily {
  /** Takes in the descendants there are now. */
  look(): void;
  /** Members still alive: the group's, and those that left it. */
  survivors(): { readonly inGroup: readonly number[]; readonly escaped: readonly number[] };
}

/** Watches the family of a just started group leader. Without /proc it knows nobody. */
export function processFamily(leader: number): ProcessFamily {
  if (!hasProc()) return { look: () => {}, survivors: () => ({ inGroup: [], escaped: [] }) };
  const startOf = new Map<number, number>();
  const pipes = new Set(
    ['fd/1', 'fd/2']
      .map((link) => readProcessLink(leader, link))
      .filter((target) => target !== undefined && /^(pipe|socket):/.test(target)),
  );
  const own = readProcessStat(leader);
  if (own) startOf.set(leader, own.startTicks);
  const table = (): Map<number, NonNullable<ReturnType<typeof readProcessStat>>> => {
    const all = new Map<number, NonNullable<ReturnType<typeof readProcessStat>>>();
    for (const pid of listPids()) {
      const stat = readProcessStat(pid);
      if (stat !== undefined && stat.state !== 'Z' && stat.state !== 'X') all.set(pid, stat);
    }
    return all;
  };
  const takeIn = (all: ReturnType<typeof table>): void => {
    for (let found = true; found; ) {
      found = false;
      for (const [pid, stat] of all) {
        if (startOf.has(pid)) continue;
        if (!startOf.has(stat.parentPid) && stat.groupId !== leader) continue;
        startOf.set(pid, stat.startTicks);
        found = true;
      }
    }
  };
  return {
    look: () => takeIn(table()),
    survivors() {
      const all = table();
      const oldest = own?.startTicks ?? 0;
      for (const [pid, stat] of all) {
        if (startOf.has(pid) || stat.startTicks < oldest || pid === process.pid) continue;
        if (pipes.size > 0 && readDescriptors(pid)?.some((target) => pipes.has(target))) {
          startOf.set(pid, stat.startTicks);
        }
      }
      takeIn(all);
      const inGroup: number[] = [];
      const escaped: number[] = [];
      for (const [pid, ticks] of startOf) {
        const stat = all.get(pid);
        if (stat === undefined || stat.startTicks !== ticks) continue;
        (stat.groupId === leader ? inGroup : escaped).push(pid);
      }
      return { inGroup, escaped };
    },
  };
}
