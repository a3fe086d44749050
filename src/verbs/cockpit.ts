import type { CockpitWishes } from '../app/cockpit.ts';
import type { EngineThread } from '../app/engine-worker.ts';
import { paneNames } from '../app/pane-names.ts';
import { terminalProblem } from '../app/terminal-problem.ts';
import type { Options } from '../config/options.ts';
import { UserError } from '../domain/error.ts';

/** `binnacle`: the cockpit; where there is no terminal for it, what `status` prints. */
export async function runCockpit(options: Options): Promise<number> {
  return await screen(options, { orDemo: options.flags.has('--or-demo') });
}

/** `binnacle pane NAME`: the name is known before anything is opened. */
export async function runPane(options: Options): Promise<number> {
  const name = options.words[1];
  const names = paneNames();
  if (name !== undefined && names.some((pane, index) => pane === name || String(index + 1) === name))
    return await screen(options, { pane: name });
  throw new UserError(name === undefined ? 'which pane?' : `there is no pane "${name}"`, [
    `panes: ${names.join(' ')}`,
  ]);
}

/** `binnacle demo`: it watches its own systems and nothing else; what names others was meant for another verb. */
export async function runDemo(options: Options): Promise<number> {
  const other = ['--system', '--config', '--at'].find((name) => options.values.has(name));
  if (other !== undefined) {
    throw new UserError(`${other} is no option of \`binnacle demo\`: it watches its own systems alone`, [
      'leave `demo` out to watch yours',
    ]);
  }
  return await screen(options, { demo: true });
}

async function screen(options: Options, wishes: CockpitWishes): Promise<number> {
  const problem = terminalProblem(process.stdin, process.stdout, process.env);
  if (problem !== undefined && wishes.demo) throw new UserError(`the demo needs a terminal: ${problem}`);
  if (problem !== undefined) {
    process.stderr.write(`binnacle: no cockpit here: ${problem}; this is \`binnacle status\`\n`);
    return await (await import('./status.ts')).runStatus(options);
  }
  // It loads its code while this thread loads the configuration and the screen.
  const thread = (await import('../app/engine-worker.ts')).startEngineThread();
  try {
    return await openScreen(options, wishes, thread);
  } catch (error) {
    await thread.abandon();
    throw error;
  }
}

async function openScreen(options: Options, wishes: CockpitWishes, thread: EngineThread): Promise<number> {
  const { openCockpit } = await import('../app/cockpit.ts');
  return await openCockpit(options, wishes, thread, async () => {
    const [{ drawCockpit }, { themeFrom }] = await Promise.all([
      import('../../views/main.tsx'),
      import('../../views/theme.ts'),
    ]);
    return ({ wantedTheme, ...given }) => {
      const ascii = options.flags.has('--ascii') || wantedTheme === 'ascii';
      const theme = themeFrom(process.env, {
        noColor: options.flags.has('--no-color') || wantedTheme === 'mono',
        ...(ascii ? { ascii } : {}),
      });
      return drawCockpit({ ...given, theme });
    };
  });
}
