import { paneNumbers } from '../store/desk.ts';

/** Names of the panes as `binnacle pane NAME` takes them, in the order of their numbers. */
export function paneNames(): readonly string[] {
  return Object.entries(paneNumbers)
    .sort(([, a], [, b]) => a - b)
    .map(([name]) => name);
}
