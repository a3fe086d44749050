import type { ActsRoom } from './acts-room.ts';

/** What is wrong with the records, as sentences for the first row. */
export function recordNotices({
  directories,
  ledger,
  store,
}: Pick<ActsRoom, 'directories' | 'ledger' | 'store'>): readonly string[] {
  const { quarantined } = store;
  const state = ledger.ok ? ledger.value.state().state : 'ok';
  return [
    ...(directories.refused === undefined ? [] : [`host directory not used: ${directories.refused}`]),
    ...(quarantined ? [`RECORDS BEGUN ANEW: ${quarantined.why}; kept as ${quarantined.path}`] : []),
    ...(ledger.ok ? [] : [`ACTS OFF: ${ledger.error}`]),
    ...(state === 'ok' ? [] : [`DISK FULL: the ledger is ${state}`]),
  ];
}
