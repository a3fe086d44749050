import type { Json } from '../../lib/json.ts';
import type { Look } from '../system.ts';

/** What may name a unit, a container, a namespace: no option, no path. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9@._-]{0,127}$/;

/** Words of a command: parted by blanks, kept together by quotes. Nothing else means anything here. */
export function wordsOf(command: string): readonly string[] {
  const words = command.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? [];
  return words.map((word) => (/^(['"]).*\1$/s.test(word) ? word.slice(1, -1) : word));
}

/** `run=` made definite: program, unit. What is wrong with it is said where something would be started. */
export function managerOf(text: string | undefined, look: Look, python: string | undefined): Json {
  if (text === undefined)
    return { tool: 'none', why: 'how the server is run is not known: run=systemctl:UNIT' };
  if (text.startsWith('process:'))
    return processManager(wordsOf(text.slice('process:'.length)), look, python);
  const named = programOf(text, look);
  if ('why' in named) return { tool: 'none', why: named.why };
  const tool = /^systemctl/.test(named.base)
    ? 'systemctl'
    : /^(docker|podman)/.test(named.base)
      ? 'docker'
      : undefined;
  if (tool === undefined)
    return { tool: 'none', why: `run= names ${named.base}, not systemctl, docker or process` };
  return { tool, argv: [...named.argv], unit: named.name };
}

/** `cluster=` made definite; undefined when none is named or its program is not there. */
export function clusterOf(text: string | undefined, look: Look): Json | undefined {
  if (text === undefined) return undefined;
  const named = programOf(text, look);
  return 'why' in named ? undefined : { argv: [...named.argv], namespace: named.name };
}

type Named =
  | { readonly argv: readonly string[]; readonly base: string; readonly name: string }
  | { readonly why: string };

/** `PROGRAM:NAME` or `sudo PROGRAM:NAME`. */
function programOf(text: string, look: Look): Named {
  const match = /^(?:(sudo)\s+)?(\S+):(\S+)$/.exec(text);
  const [, sudo, program = '', name = ''] = match ?? [];
  if (!match || !NAME.test(name)) return { why: `"${text.slice(0, 60)}" is not PROGRAM:NAME` };
  const path = look.which(program);
  if (path === undefined) return { why: `${program} is not on PATH` };
  const base = path.slice(path.lastIndexOf('/') + 1);
  if (sudo === undefined) return { argv: [path], base, name };
  const elevated = look.which('sudo');
  // Nobody is there to type a password.
  return elevated === undefined
    ? { why: 'sudo is not on PATH' }
    : { argv: [elevated, '-n', path], base, name };
}

function processManager(words: readonly string[], look: Look, python: string | undefined): Json {
  const [program, ...rest] = words;
  if (program === undefined) return { tool: 'process', argv: [] };
  const path = /^python3?$/.test(program) && python !== undefined ? python : look.which(program);
  return path === undefined
    ? { tool: 'none', why: `${program} is not on PATH` }
    : { tool: 'process', argv: [path, ...rest] };
}

/** Variables with keys of model providers the programs know; one without its key leaves its agents out. */
const KEYS = [
  'ANTHROPIC_API_KEY',
  'OPENAI_API_KEY',
  'GEMINI_API_KEY',
  'GOOGLE_API_KEY',
  'XAI_API_KEY',
  'GROK_API_KEY',
  'MISTRAL_API_KEY',
  'DEEPSEEK_API_KEY',
  'OPENROUTER_API_KEY',
];

/** Names of those keys that are set in the cockpit's environment or the env-file. Never a value. */
export function providerKeys(look: Look, envFile: string | undefined): string[] {
  const text = envFile === undefined ? '' : (look.text(envFile) ?? '');
  return KEYS.filter(
    (name) => look.env(name) !== undefined || new RegExp(`^\\s*(export\\s+)?${name}=\\S`, 'm').test(text),
  );
}
