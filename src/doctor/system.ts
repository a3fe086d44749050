/** One system beside its sources: whose it is, what acts on it need, which version it is. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Step } from '../domain/act.ts';
import type { PartFinding } from '../domain/finding.ts';
import { isLocalUser } from '../host/accounts.ts';
import type { Identity } from '../host/identity.ts';
import { runProcess } from '../host/process.ts';
import { ownerOf } from '../host/root-files.ts';
import { quietly } from '../lib/quietly.ts';
import type { Located, Look, SourceSpec } from '../systems/system.ts';

/** What the checks of a system look at. */
export interface SystemLook {
  readonly located: Located;
  /** Names and small files below its root. */
  readonly look: Look;
  readonly who: Identity;
  readonly sources: readonly SourceSpec[];
  /** Steps its acts would run on what there is now, by act. */
  readonly steps: readonly { readonly act: string; readonly steps: readonly Step[] }[];
  /** Value of a variable acts need. */
  secret(name: string): string | undefined;
}

const VERSION_MS = 5_000;
/** Programs behind the settings that say how a system is kept: `systemd:UNIT`, `sudo systemctl:UNIT`, `docker:NAME`. */
const KEEPERS: Readonly<Record<string, readonly string[]>> = {
  systemd: ['systemctl'],
  'systemd-user': ['systemctl'],
  systemctl: ['systemctl'],
  'sudo systemctl': ['sudo', 'systemctl'],
  docker: ['docker'],
  kubectl: ['kubectl'],
};

export async function checkSystem(look: SystemLook): Promise<readonly PartFinding[]> {
  return [
    versionOf(look),
    checkOwner(look),
    ...checkSecrets(look),
    ...(await checkPython(look)),
    ...checkPrograms(look),
  ];
}

/** Version of the watched program as its own files tell it; nothing of it is started. */
function versionOf({ located: { root, kind }, look }: SystemLook): PartFinding {
  const told = ['pyproject.toml', 'package.json', 'VERSION'].flatMap((name) => {
    const text = look.text(name);
    const pattern =
      name === 'VERSION' ? /^\s*v?(\d[\w.+-]*)\s*$/ : /^\s*"?version"?\s*[=:]\s*"([^"]{1,60})"/m;
    const version = text === undefined ? undefined : pattern.exec(text)?.[1];
    return version === undefined ? [] : [`${version} (${name})`];
  })[0];
  const commit = commitOf(look);
  const parts = [told, commit === undefined ? undefined : `commit ${commit}`].filter(
    (part) => part !== undefined,
  );
  const says = parts.length > 0 ? parts.join(', ') : 'it does not tell its version';
  return { subject: 'system', level: 'ok', says: `${kind} in ${root}: ${says}` };
}

/** The commit that is checked out, read from the files of git. */
function commitOf(look: Look): string | undefined {
  const directory = look.exists('.git/HEAD')
    ? '.git'
    : /^gitdir: (.+)$/m.exec(look.text('.git') ?? '')?.[1]?.trim();
  if (directory === undefined) return undefined;
  const head = look.text(`${directory}/HEAD`)?.trim() ?? '';
  const branch = /^ref: (refs\/heads\/[\w./-]{1,200})$/.exec(head)?.[1];
  if (branch === undefined) return /^[0-9a-f]{40,64}$/.test(head) ? head.slice(0, 9) : undefined;
  const packed = new RegExp(`^([0-9a-f]{40,64}) ${branch.replaceAll('.', '\\.')}$`, 'm');
  const id =
    look.text(`${directory}/${branch}`)?.trim() ??
    packed.exec(look.text(`${directory}/packed-refs`) ?? '')?.[1];
  const name = branch.slice('refs/heads/'.length);
  return id === undefined || !/^[0-9a-f]{40,64}$/.test(id) ? `on ${name}` : `${id.slice(0, 9)} on ${name}`;
}

/** Files left by another user break the owner's next write, so acts run as the owner or not at all. */
function checkOwner({ located: { root, settings }, who }: SystemLook): PartFinding {
  const subject = 'acts';
  if (settings.readOnly === true)
    return { subject, level: 'ok', says: 'read-only: nothing but acts that read' };
  const owner = ownerOf(root);
  const { runAs } = settings;
  if (owner === undefined || runAs === '*')
    return { subject, level: 'ok', says: `run as ${who.user}, whoever owns ${root}` };
  if (runAs !== undefined && !isLocalUser(runAs)) {
    const says = `run-as names ${runAs}, and no local account has that name`;
    return { subject, level: 'warn', says, mend: 'correct run-as' };
  }
  const wanted = runAs ?? owner.user;
  const isWanted = runAs === undefined ? who.uid === owner.uid : who.user === runAs;
  if (isWanted) return { subject, level: 'ok', says: `run as ${who.user}` };
  return {
    subject,
    level: 'warn',
    says: `refused for ${who.user}: they run as ${wanted}${runAs === undefined ? `, who owns ${root}` : ''}`,
    mend: `sudo -u ${wanted} binnacle ..., or run-as in the configuration`,
  };
}

/** The files and variables that keys come from. */
function checkSecrets({ located: { root, settings }, secret }: SystemLook): readonly PartFinding[] {
  const { envFile, keyEnv } = settings;
  const findings: PartFinding[] = [];
  if (envFile !== undefined) {
    const subject = 'env-file';
    const path = resolve(root, envFile);
    try {
      accessSync(path, constants.R_OK);
      findings.push(
        (statSync(path).mode & 0o004) === 0
          ? { subject, level: 'ok', says: path }
          : {
              subject,
              level: 'warn',
              says: `${path} can be read by everybody on this host`,
              mend: `chmod o-r ${path}`,
            },
      );
    } catch {
      const says = existsSync(path) ? `${path} can't be read by this user` : `${path} is not there`;
      const exit = existsSync(path) ? 3 : 2;
      findings.push({
        subject,
        level: 'fail',
        exit,
        says,
        mend: 'acts that need a variable of it are refused',
      });
    }
  }
  if (keyEnv !== undefined) {
    const subject = 'key-env';
    findings.push(
      secret(keyEnv)
        ? { subject, level: 'ok', says: `${keyEnv} is set` }
        : {
            subject,
            level: 'fail',
            exit: 2,
            says: `${keyEnv} is set neither in the environment nor in the env-file`,
            mend: `export ${keyEnv}, or put it into the env-file`,
          },
    );
  }
  return findings;
}

/** The interpreter acts start programs with, and its version. */
async function checkPython({ located }: SystemLook): Promise<readonly PartFinding[]> {
  const subject = 'python';
  const { python, root, settings } = located;
  if (python === undefined) {
    // A described kind has no interpreter of its own.
    if ('description' in located.extra) return [];
    const says = 'there is none in the checkout or on PATH: acts that start its programs are refused';
    return [{ subject, level: 'warn', says, mend: 'name it with the setting python' }];
  }
  const wrong = unusable(python);
  if (wrong !== undefined) {
    const exit = settings.python === undefined ? 3 : 2;
    return [
      {
        subject,
        level: 'fail',
        exit,
        says: `${python} ${wrong}`,
        mend: 'name another with the setting python',
      },
    ];
  }
  const env = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8' };
  const ran = await runProcess({
    argv: [python, '--version'],
    cwd: root,
    env,
    timeoutMs: VERSION_MS,
    maxBytes: 4_096,
  });
  const told = `${ran.stdout.text}${ran.stderr.text}`.trim().split('\n')[0] ?? '';
  if (ran.exitCode === 0) return [{ subject, level: 'ok', says: `${python}: ${told}` }];
  const why =
    ran.error ?? (ran.timedOut ? `no answer in ${VERSION_MS / 1_000} s` : told || `exit ${ran.exitCode}`);
  return [
    { subject, level: 'fail', says: `${python} does not run: ${why}`, mend: 'run it by hand with --version' },
  ];
}

/** Programs that sources, settings and the acts possible now would start, each once. */
function checkPrograms({ located, look, sources, steps }: SystemLook): readonly PartFinding[] {
  const wanted = new Map<string, Set<string>>();
  const want = (program: string, why: string): void => {
    wanted.set(program, (wanted.get(program) ?? new Set()).add(why));
  };
  for (const value of Object.values(located.settings)) {
    const form = typeof value === 'string' ? /^([a-z -]{1,20}):/.exec(value)?.[1] : undefined;
    for (const program of (form === undefined ? undefined : KEEPERS[form]) ?? []) want(program, `${form}:`);
  }
  for (const source of sources)
    if (source.type === 'probe' || source.type === 'stream') want(source.argv[0] ?? '', source.id);
  for (const { act, steps: planned } of steps) {
    for (const step of planned) {
      if (step.type !== 'process' && step.type !== 'service') continue;
      const [program = '', script = ''] = step.argv;
      want(program, act);
      // The script of an interpreter: `python scripts/x.py`.
      if (/^[\w./-]+\.(py|sh)$/.test(script)) want(resolve(step.cwd, script), act);
    }
  }
  // The interpreter was looked at by itself.
  wanted.delete(located.python ?? '');
  return [...wanted].map(([program, why]) => programFinding(program, [...why], located, look));
}

function programFinding(program: string, why: readonly string[], located: Located, look: Look): PartFinding {
  const subject = basename(program);
  const uses = why.length > 4 ? `${why.slice(0, 4).join(', ')} and ${why.length - 4} more` : why.join(', ');
  const path = program.includes('/') ? resolve(located.root, program) : look.which(program);
  if (path === undefined)
    return {
      subject,
      level: 'fail',
      says: `${program} is not on PATH, for ${uses}`,
      mend: `install it, or extend PATH`,
    };
  if (/\.(py|sh)$/.test(path) && !existsSync(path)) {
    const says = `${path} is not there, for ${uses}`;
    return { subject, level: 'warn', says, mend: 'this checkout can not do that: another version may' };
  }
  const wrong = /\.py$/.test(path) ? undefined : unusable(path);
  if (wrong !== undefined)
    return { subject, level: 'fail', says: `${path} ${wrong}, for ${uses}`, mend: 'mend the installation' };
  return { subject, level: 'ok', says: `${path}, for ${uses}` };
}

function unusable(path: string): string | undefined {
  if (!existsSync(path)) return 'is not there';
  return quietly(() => {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  }, false)
    ? undefined
    : "can't be started by this user";
}
