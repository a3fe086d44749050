import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LedgerVerdict } from '../../../src/domain/ledger.ts';
import { temporaryDirectory } from '../../db/temporary.ts';
import { firedIn, layToy } from './kind.ts';
import { cockpit, OTHER_USER } from './ports.ts';

const COCKPIT = new URL('./cockpit.ts', import.meta.url).pathname;

export interface AtOnce {
  readonly keys: readonly string[];
  /** What really ran, sorted. */
  readonly fired: readonly string[];
  readonly won: number;
  readonly refusals: readonly string[];
  readonly outcomes: { readonly [outcome: string]: number };
  readonly ledger: LedgerVerdict;
  /** How many verified orders each cockpit saw in the end, and whose. */
  readonly seen: readonly number[];
  readonly seenOf: readonly (readonly string[])[];
}

/** Four processes, one barrier, the same jobs. `inside`: the runners run in the cockpits' processes, else in their own. */
export async function approveAtOnce(
  count: number,
  runners: 'inside' | 'processes',
  withinMs = 120_000,
  users: 1 | 2 = 1,
): Promise<AtOnce> {
  const base = temporaryDirectory();
  const [root, state, go] = [join(base, 'root'), join(base, 'state'), join(base, 'go')];
  const keys = Array.from({ length: count }, (_, n) => `j${n}`).sort();
  const located = layToy(root, Object.fromEntries(keys.map((key) => [key, { status: 'ready' }])), 'many');
  if (users === 2) {
    chmodSync(base, 0o755);
    mkdirSync(state);
    chownSync(state, 0, OTHER_USER.gid);
    chmodSync(state, 0o2770);
    chmodSync(root, 0o777);
    chmodSync(join(root, 'fired'), 0o666);
    mkdirSync(join(root, 'done'));
    chmodSync(join(root, 'done'), 0o777);
  }
  const answers = Array.from({ length: 4 }, (_, index) => {
    const isBob = users === 2 && index % 2 === 1;
    const env = {
      ...process.env,
      TOY_DEADLINE_MS: String(withinMs),
      TOY_AT_ONCE: '20',
      ...(users === 2 ? { TOY_SHARED: 'yes' } : {}),
      ...(isBob ? { TOY_USER: 'bob' } : {}),
    };
    const child = spawn(process.execPath, [COCKPIT, root, state, String(count), go, runners], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
      ...(isBob ? { ...OTHER_USER, cwd: '/' } : {}),
    });
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
    });
    return new Promise<{ won: string[]; refusals: string[]; seen: number; seenOf: string[] }>(
      (resolve, reject) => {
        child.on('close', (code) =>
          code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`a cockpit ended with ${code}`)),
        );
      },
    );
  });
  await new Promise((resolve) => setTimeout(resolve, 700));
  writeFileSync(go, '');
  const said = await Promise.all(answers);
  const look = cockpit(located, state);
  for (const until = Date.now() + withinMs; look.host.orders.open().length > 0 && Date.now() < until; )
    await new Promise((resolve) => setTimeout(resolve, 50));
  const outcomes: { [outcome: string]: number } = {};
  for (const row of look.host.orders.list(10_000))
    outcomes[row.outcome ?? row.status] = (outcomes[row.outcome ?? row.status] ?? 0) + 1;
  const ledger = look.ledger.verify();
  look.close();
  return {
    keys,
    fired: [...firedIn(root)].sort(),
    won: said.reduce((sum, one) => sum + one.won.length, 0),
    refusals: said.flatMap((one) => one.refusals),
    outcomes,
    ledger,
    seen: said.map(({ seen }) => seen),
    seenOf: said.map(({ seenOf }) => seenOf),
  };
}
