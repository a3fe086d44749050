/** What this host allows: programs that outlive a log-out, watches, open files, sight of other processes. */
import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { PartFinding } from '../domain/finding.ts';
import { quietly } from '../lib/quietly.ts';

/** From these on there is enough for a host with many other programs that watch files (inotify(7)). */
const ENOUGH_WATCHES = 8_192;
const ENOUGH_INSTANCES = 128;
/** Descriptors beside those of watched logs: databases, sockets, pipes of acts. */
const OWN_FILES = 128;

/** What the checks of the host look at; `root` stands before every path of the system, for tests. */
export interface HostLook {
  readonly root?: string;
  readonly user: string;
  /** Log files that are watched, each with a descriptor of its own. */
  readonly openLogs: number;
  /** A directory on which a watch is tried. */
  readonly watchable: string | undefined;
}

export function checkHost(look: HostLook): readonly PartFinding[] {
  const root = look.root ?? '/';
  if (!existsSync(join(root, 'proc/self')))
    return [{ subject: 'processes', level: 'ok', says: 'read with ps: this host has no /proc' }];
  return [
    checkLogOut(root, look.user),
    checkWatches(root, look.watchable),
    checkFiles(root, look),
    checkSight(root),
  ];
}

/** Whether acts go on when their operator logs out (logind.conf(5), `KillUserProcesses=`). */
function checkLogOut(root: string, user: string): PartFinding {
  const subject = 'log-out';
  if (!existsSync(join(root, 'run/systemd/system')))
    return { subject, level: 'ok', says: 'no systemd here: nothing ends acts when their operator logs out' };
  const settings = loginSettings(root);
  const kills = /^(yes|true|on|1)$/i.test(settings.get('KillUserProcesses') ?? '');
  const only = words(settings.get('KillOnlyUsers'));
  const but = words(settings.get('KillExcludeUsers') ?? 'root');
  if (!kills || but.includes(user) || (only.length > 0 && !only.includes(user)))
    return { subject, level: 'ok', says: 'acts go on when their operator logs out' };
  const group = quietly(() => readFileSync(join(root, 'proc/self/cgroup'), 'utf8'), '');
  if (!/\/session-[^/]+\.scope/.test(group))
    return { subject, level: 'ok', says: 'KillUserProcesses=yes, and this is no login session: acts go on' };
  return {
    subject,
    level: 'warn',
    says: 'KillUserProcesses=yes: an act under way is killed when you log out, and its outcome is unknown then',
    mend: `\`loginctl enable-linger\` once, then start it as \`systemd-run --user --scope binnacle\``,
  };
}

/** Settings of logind, later files over earlier ones; what a comment of the main file gives is the default there. */
function loginSettings(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const places = ['usr/lib', 'usr/local/lib', 'run', 'etc'].map((place) => join(root, place, 'systemd'));
  const main = places
    .map((place) => quietly(() => readFileSync(join(place, 'logind.conf'), 'utf8'), ''))
    .findLast((text) => text !== '');
  for (const line of (main ?? '').split('\n')) read(line.replace(/^#(?=\w+=)/, ''), found);
  for (const line of (main ?? '').split('\n')) read(line, found);
  // A drop-in hides those of the same name in places before it; they count in the order of their names.
  const parts = new Map<string, string>();
  for (const place of places) {
    const directory = join(place, 'logind.conf.d');
    for (const name of quietly(() => readdirSync(directory), [] as string[]))
      if (name.endsWith('.conf')) parts.set(name, join(directory, name));
  }
  for (const [, path] of [...parts].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (const line of quietly(() => readFileSync(path, 'utf8'), '').split('\n')) read(line, found);
  return found;
}

function read(line: string, into: Map<string, string>): void {
  const [, name, value] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
  if (name !== undefined && value !== undefined) into.set(name, value);
}

function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

/** Whether the kernel still gives out watches: their number is per user, over all programs. */
function checkWatches(root: string, watchable: string | undefined): PartFinding {
  const subject = 'file watches';
  const limit = (name: string): number =>
    Number(quietly(() => readFileSync(join(root, 'proc/sys/fs/inotify', name), 'utf8'), '0'));
  const [watches, instances] = [limit('max_user_watches'), limit('max_user_instances')];
  const mend = 'sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512';
  const refused = watchable === undefined ? undefined : refusalOfWatch(watchable);
  if (refused !== undefined) {
    const says = `the kernel gives no watch (${refused}): files are looked at every 250 ms instead`;
    return { subject, level: 'warn', says, mend };
  }
  const says = `${watches} watches and ${instances} instances a user`;
  return watches < ENOUGH_WATCHES || instances < ENOUGH_INSTANCES
    ? { subject, level: 'warn', says: `only ${says}, shared with all programs of this user`, mend }
    : { subject, level: 'ok', says };
}

function refusalOfWatch(directory: string): string | undefined {
  try {
    watch(directory).close();
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    // What can't be read is told by the sources; here it is about what the kernel has left.
    return code === 'ENOSPC' || code === 'EMFILE' ? code : undefined;
  }
}

function checkFiles(root: string, { openLogs }: HostLook): PartFinding {
  const subject = 'open files';
  const limits = quietly(() => readFileSync(join(root, 'proc/self/limits'), 'utf8'), '');
  const most = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
  const wanted = openLogs + OWN_FILES;
  if (Number.isNaN(most) || most >= wanted)
    return {
      subject,
      level: 'ok',
      says: `${Number.isNaN(most) ? 'no limit' : most} allowed, ${wanted} wanted`,
    };
  return {
    subject,
    level: 'warn',
    says: `${most} allowed, ${wanted} wanted: some logs can't be read`,
    mend: `ulimit -n ${wanted * 2} before starting it`,
  };
}

/** With /proc mounted `hidepid=`, a daemon of another user looks as if it were dead. */
function checkSight(root: string): PartFinding {
  const subject = 'processes';
  if (existsSync(join(root, 'proc/1/stat')))
    return { subject, level: 'ok', says: 'those of other users are seen' };
  return {
    subject,
    level: 'warn',
    says: 'those of other users are hidden (/proc is mounted with hidepid): their daemons are taken for absent',
    mend: 'join the group that /proc is mounted with (gid=), or run it as the user of the system',
  };
}
