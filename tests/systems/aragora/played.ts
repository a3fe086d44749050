/**
 * A simulated checkout whose programs do as they are told: python, git, kubectl and systemctl are one shell script that
 * refuses, says nothing, does half or never ends. What a unit and the cluster look like stands in files beside it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemId } from '../../../src/domain/entity.ts';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import type { IngestSpec } from '../../../src/ingest/ingest.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import type { CommonSettings } from '../../../src/systems/system.ts';
import { filesBelow, pumpOf, until, watchOf } from '../acting.ts';
import { layLive, play, settingsOf } from './live.ts';

/** What a program does; `honest` is what the real one does, for git alone. */
export type Play = 'honest' | 'refuse' | 'silent' | 'half' | 'hang';

export const REFUSAL = 'permission denied: ask the harbour master';

/** As `.env` of the simulated checkout has it. */
const KEYS = { ARAGORA_DEMO_KEY: 'ara_demo_7f3a91c2', GEMINI_API_KEY: 'demo-gemini-key-91fe20aa' };

/** How `systemctl show` tells of a unit. */
function unitText(state: string, result: string, pid: number, sinceMs: number): string {
  const since = sinceMs > 0 ? `@${Math.floor(sinceMs / 1000)}` : '';
  return `ActiveState=${state}\nSubState=x\nResult=${result}\nMainPID=${pid}\nNRestarts=0\nActiveEnterTimestamp=${since}\n`;
}

/** Sources asked more often than a real host should be: what is not seen within a moment will not be. */
function oftener(spec: IngestSpec): IngestSpec {
  if (spec.type === 'http') return { ...spec, everyMs: 400, perMinute: 100_000 };
  return spec.type === 'probe' ? { ...spec, everyMs: 1_000 } : spec;
}

export class Played {
  readonly dir: string;
  readonly root: string;
  readonly #settings: CommonSettings;
  readonly #watches: SystemWatch[] = [];
  readonly #children: ChildProcess[] = [];
  readonly #simulated: string;

  private constructor(dir: string, root: string, settings: CommonSettings, simulated: string) {
    this.dir = dir;
    this.root = root;
    this.#settings = settings;
    this.#simulated = simulated;
  }

  static async lay(): Promise<Played> {
    const { dir, laid, options } = await layLive(40);
    const played = new Played(dir, laid.dir, settingsOf(laid), options.python);
    Object.assign(process.env, KEYS);
    played.#layPrograms();
    await played.#layCluster();
    played.unit('active');
    played.play('honest');
    return played;
  }

  #layPrograms(): void {
    const { dir, root } = this;
    const bin = join(dir, 'bin');
    mkdirSync(bin);
    spawnSync('mkfifo', [join(dir, 'never')]);
    // A shell that waits for a writer that never comes has no child: TERM ends it, and nothing is left of it.
    writeFileSync(join(dir, 'wait'), `read -r _ < '${dir}/never'\n`);
    // The process table shows a script of this one as that of an interpreter of Python.
    copyFileSync(realpathSync('/bin/sh'), join(bin, 'python3'));
    const git = spawnSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).stdout.trim();
    writeFileSync(
      join(dir, 'program'),
      `#!/bin/sh
name=\${0##*/}
case "$name $*" in
  'systemctl show'*) exec cat '${dir}/unit' ;;
  kubectl*' get deployments,'*) exec cat '${dir}/cluster' ;;
esac
read -r what < '${dir}/play'
case "\${PLAY:-$what}" in
  refuse) echo '${REFUSAL}' >&2; exit 4 ;;
  silent) exit 0 ;;
  deaf) trap '' TERM; echo deaf > '${dir}/deaf'; exec '${bin}/python3' '${dir}/wait' "$@" ;;
  hang) exec '${bin}/python3' '${dir}/wait' "$@" ;;
  honest) exec '${git}' "$@" ;;
esac
case "$name $*" in
  'systemctl stop'*) cp '${dir}/unit.again' '${dir}/unit'; exit 0 ;;
  systemctl*) cp '${dir}/unit.given-up' '${dir}/unit'; exit 0 ;;
  kubectl*' describe '*) echo 'Name: aragora-backend'; exit 0 ;;
  kubectl*' history '*) echo '${REFUSAL}' >&2; exit 1 ;;
  kubectl*) cp '${dir}/cluster.half' '${dir}/cluster'; echo done; exit 0 ;;
  git*' stash '*) '${git}' stash push --quiet --message='of somebody else'; exit 0 ;;
  git*' status '*) echo '## main' ;;
  python*' preflight') printf '\\n  [PASS] Disk Space\\n' ;;
  python*' restore '*)
    for file in '${root}'/.nomic/backups/backup_cycle_1_*/CLAUDE.md; do cat "$file" > '${root}/CLAUDE.md'; done
    printf 'Restoring backup: x\\n  Restored: CLAUDE.md\\nRestored 1 files\\n' ;;
  python*' verify') echo 'Constitution signature is VALID' ;;
esac
kill -KILL $$
`,
    );
    chmodSync(join(dir, 'program'), 0o755);
    for (const name of ['python', 'git', 'kubectl', 'systemctl']) symlinkSync('../program', join(bin, name));
  }

  /** As it is, and after a change that was taken and whose pods never come. */
  async #layCluster(): Promise<void> {
    const { stdout } = await play(this.root, ['kubectl', '--namespace=aragora', 'get', 'deployments']);
    writeFileSync(join(this.dir, 'cluster.whole'), stdout);
    const list = JSON.parse(stdout) as { items: ClusterItem[] };
    for (const item of list.items) {
      if (item.kind === 'HorizontalPodAutoscaler') item.spec.minReplicas = 4;
      if (item.kind !== 'Deployment') continue;
      item.metadata.generation += 1;
      item.metadata.annotations['deployment.kubernetes.io/revision'] += '1';
      item.status.observedGeneration = item.metadata.generation;
      if (item.metadata.name === 'aragora-frontend') item.spec.replicas = 3;
      const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
      Object.assign(item.status, { updatedReplicas: 0, conditions });
    }
    writeFileSync(join(this.dir, 'cluster.half'), JSON.stringify(list));
    this.cluster();
  }

  /** The cluster as it was laid out. */
  cluster(): void {
    copyFileSync(join(this.dir, 'cluster.whole'), join(this.dir, 'cluster'));
  }

  /** The unit from now on, and what it will be where a change is done by half. */
  unit(state: 'active' | 'inactive'): void {
    const now = Date.now();
    const text =
      state === 'active' ? unitText(state, 'success', 4242, now - 600_000) : unitText(state, 'success', 0, 0);
    writeFileSync(join(this.dir, 'unit'), text);
    writeFileSync(join(this.dir, 'unit.again'), unitText('active', 'success', 4343, now + 60_000));
    writeFileSync(join(this.dir, 'unit.given-up'), unitText('failed', 'start-limit-hit', 0, 0));
  }

  /** What every program started from now on does. */
  play(what: Play): void {
    writeFileSync(join(this.dir, 'play'), `${what}\n`);
  }

  lie(...names: string[]): void {
    // Whole at any moment: who reads it between two writes would find no lie in it.
    writeFileSync(join(this.dir, 'lies'), names.join(' '));
    renameSync(join(this.dir, 'lies'), join(this.root, '.lies'));
  }

  /** Starts a program of the simulated checkout. */
  simulate(...words: string[]): ChildProcess {
    return this.#start(this.#simulated, words, {});
  }

  /** Starts a program by hand that lives and does nothing, and says so where it is deaf to TERM. */
  async part(words: readonly string[], what: 'hang' | 'deaf'): Promise<ChildProcess> {
    rmSync(join(this.dir, 'deaf'), { force: true });
    const child = this.#start(join(this.dir, 'bin/python'), words, { PLAY: what });
    await until(() => this.living().includes(child.pid ?? 0));
    return child;
  }

  #start(program: string, words: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn(program, words, { cwd: this.root, stdio: 'ignore', env: { ...process.env, ...env } });
    this.#children.push(child);
    return child;
  }

  /** Pids of programs of the shell that live and do nothing. */
  living(): readonly number[] {
    return readdirSync('/proc').flatMap((name) => {
      try {
        const line = /^\d+$/.test(name) ? readFileSync(join('/proc', name, 'cmdline'), 'utf8') : '';
        return line.includes(`${this.dir}/wait\0`) ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
  }

  /** Ends them, until the watch sees none. */
  async clear(watch: SystemWatch): Promise<void> {
    for (const pid of this.living()) process.kill(pid, 'SIGKILL');
    const waiter = join(this.dir, 'wait');
    await this.reread(watch, () => !watch.view().processes.some((one) => one.argv.includes(waiter)));
  }

  /** A watch with real sources; `settings` in place of those of the checkout. */
  async watch(settings: CommonSettings = {}): Promise<SystemWatch> {
    const bin = join(this.dir, 'bin');
    const own = {
      ...this.#settings,
      python: join(bin, 'python'),
      run: `${bin}/systemctl:aragora`,
      cluster: `${bin}/kubectl:aragora`,
      ...settings,
    };
    const look = lookInto(this.root, { ...process.env, PATH: bin });
    const located = aragoraKind.locate(this.root, look, 'aragora' as SystemId, own);
    const watch = watchOf(aragoraKind, located, false, { makePump: pumpOf(oftener) });
    this.#watches.push(watch);
    await watch.start();
    return watch;
  }

  /** Looks until it holds. */
  async reread(watch: SystemWatch, holds: () => boolean): Promise<void> {
    await until(async () => {
      await watch.refresh();
      return holds();
    });
  }

  /** Everything the checkout holds but the server's log and what the simulation keeps for itself. */
  snapshot(): Readonly<Record<string, string>> {
    return filesBelow(this.root, (path) => /^(logs\/|\.lies$|\.demo)/.test(path));
  }

  async end(): Promise<void> {
    for (const watch of this.#watches) await watch.close();
    for (const pid of this.living()) process.kill(pid, 'SIGKILL');
    for (const child of this.#children) child.kill('SIGKILL');
    for (const name of Object.keys(KEYS)) delete process.env[name];
    await sleep(0);
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

type ClusterItem =
  | { kind: 'HorizontalPodAutoscaler'; spec: { minReplicas: number } }
  | { kind: 'Pod' }
  | {
      kind: 'Deployment';
      metadata: { name: string; generation: number; annotations: Record<string, string> };
      spec: { replicas: number };
      status: { observedGeneration: number };
    };
