/**
 * A simulated checkout with its server, whose scripts do as they are told: python is a shell script that refuses, says
 * nothing, does half, never ends or takes no TERM, and is the simulated one otherwise.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemId } from '../../../src/domain/entity.ts';
import { addMs } from '../../../src/domain/instant.ts';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import type { Located } from '../../../src/systems/system.ts';
import { filesBelow, until, watchOf } from '../acting.ts';
import { layLive, zone } from './live.ts';

/** What a program does: `honest` is what the simulated one does. */
export type Play = 'honest' | 'pass' | 'refuse' | 'silent' | 'half' | 'hang' | 'deaf';

export const REFUSAL = 'ModuleNotFoundError: No module named httpx';

export class Played {
  readonly dir: string;
  readonly root: string;
  readonly located: Located;
  readonly api: ChildProcess;
  readonly #children: ChildProcess[] = [];
  readonly #watches: SystemWatch[] = [];

  private constructor(dir: string, root: string, located: Located, api: ChildProcess) {
    this.dir = dir;
    this.root = root;
    this.located = located;
    this.api = api;
  }

  /** Laid out, with its server answering. */
  static async lay(): Promise<Played> {
    const { dir, laid, options } = await layLive();
    const root = laid.dir;
    layProgram(dir, root, options.python);
    const url = laid.settings['url'] ?? '';
    const port = /:(\d+)$/.exec(url)?.[1] ?? '';
    const env = {
      ...process.env,
      DEMO_PYTHON: options.python,
      DEMO_PORT: port,
      DEMO_PARENT: `${process.pid}`,
    };
    const words = ['-m', 'uvicorn', 'app.main:app', `--port=${port}`];
    const api = spawn(join(dir, 'simulated'), words, { cwd: join(root, 'api'), stdio: 'ignore', env });
    const settings = { ...laid.settings, timezone: zone() };
    const located = coherenceKind.locate(root, lookInto(root, {}), 'coherence' as SystemId, settings);
    const played = new Played(dir, root, located, api);
    played.play('honest');
    played.lie();
    await until(async () => (await fetch(`${url}/api/health`).catch(() => undefined))?.ok === true);
    return played;
  }

  /** A watch with real sources, for which it is that much later. */
  async watch(laterMs = 0): Promise<SystemWatch> {
    const clock = systemClock();
    const later = { ...clock, now: () => addMs(clock.now(), laterMs) };
    const watch = watchOf(coherenceKind, this.located, false, { clock: later });
    this.#watches.push(watch);
    await watch.start();
    await until(() => watch.view().data['apiState'] === 'up');
    return watch;
  }

  logFile(name: string): string {
    return join(this.root, 'api/logs', name);
  }

  lie(...names: string[]): void {
    // Whole at any moment: who reads it between two writes would find no lie in it.
    writeFileSync(join(this.dir, 'lies'), names.join(' '));
    renameSync(join(this.dir, 'lies'), join(this.root, '.lies'));
  }

  /** What every script started from now on does. */
  play(what: Play): void {
    writeFileSync(join(this.dir, 'play'), `${what}\n`);
  }

  /** Starts a part of the pipeline by hand; it lives, and does what `what` says of TERM. Resolves once it does. */
  async part(words: readonly string[], what: 'hang' | 'deaf' = 'hang'): Promise<ChildProcess> {
    rmSync(join(this.dir, 'deaf'), { force: true });
    const child = spawn(join(this.dir, 'python'), words, {
      cwd: join(this.root, 'api'),
      stdio: 'ignore',
      env: { ...process.env, PLAY: what },
    });
    this.#children.push(child);
    await until(() => this.living().includes(child.pid ?? 0) && (what === 'hang' || this.isDeaf()));
    return child;
  }

  /** True once a part that was started takes no TERM any more. */
  isDeaf(): boolean {
    return existsSync(join(this.dir, 'deaf'));
  }

  /** Pids of the programs played by the shell that live now. */
  living(): readonly number[] {
    return readdirSync('/proc').flatMap((name) => {
      try {
        const line = /^\d+$/.test(name) ? readFileSync(join('/proc', name, 'cmdline'), 'utf8') : '';
        return line.startsWith('/bin/sh\0') && line.includes(`${this.dir}/python\0`) ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
  }

  /** Looks until it holds. */
  async reread(watch: SystemWatch, holds: () => boolean): Promise<void> {
    await until(async () => {
      await watch.refresh();
      return holds();
    });
  }

  /** Ends all that is played, until the watch sees none of it. */
  async clear(watch: SystemWatch): Promise<void> {
    for (const pid of this.living()) process.kill(pid, 'SIGKILL');
    const program = join(this.dir, 'python');
    await this.reread(
      watch,
      () => this.living().length === 0 && !watch.view().processes.some((one) => one.argv.includes(program)),
    );
  }

  /** Everything the checkout holds but what the server says of requests. */
  snapshot(): Readonly<Record<string, string>> {
    return filesBelow(this.root, (path) => path.endsWith('autonomous_api.log') || path === '.lies');
  }

  async end(): Promise<void> {
    for (const watch of this.#watches) await watch.close();
    for (const pid of this.living()) process.kill(pid, 'SIGKILL');
    for (const child of [this.api, ...this.#children]) child.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Puts the shell script in the place of the simulated interpreter, which it calls. */
function layProgram(dir: string, root: string, python: string): void {
  renameSync(python, join(dir, 'simulated'));
  spawnSync('mkfifo', [join(dir, 'never')]);
  // A shell that waits for a writer that never comes has no child: TERM ends it, and nothing is left of it.
  writeFileSync(
    join(dir, 'python'),
    `#!/bin/sh
read -r what < '${dir}/play'
case "\${PLAY:-$what}" in
  refuse) echo '${REFUSAL}' >&2; exit 3 ;;
  silent) exit 0 ;;
  pass) echo 'start gate: worktree clean, main green' ;;
  half) printf '{"running": [\\nDRY-RUN: back\\n[OK] API rea\\n'; kill -KILL $$ ;;
  hang) read -r _ < '${dir}/never' ;;
  deaf) trap '' TERM; echo deaf > '${dir}/deaf'; read -r _ < '${dir}/never' ;;
  *) exec '${dir}/simulated' "$@" ;;
esac
`,
  );
  chmodSync(join(dir, 'python'), 0o755);
  writeFileSync(join(root, 'Makefile'), `start-gate:\n\t@'${dir}/python' scripts/start_gate.py\n`);
}
