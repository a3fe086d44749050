import type { Step } from '../domain/act.ts';
import { assertNever } from '../lib/assert-never.ts';
import { shellLine, shellQuote } from './shell-text.ts';

/**
 * A step as a person reads it before and after it runs; the dry run, the ledger and the output of the real run all use
 * this text. Programs and requests are lines that can be pasted into a shell; secret variables are named, never filled in.
 */
export function describeStep(step: Step): string {
  switch (step.type) {
    case 'process':
      return `cd ${shellQuote(step.cwd)} && ${environmentText(step.env, step.secretEnv)}${shellLine(step.argv)}`;
    case 'service': {
      const output = step.outputPath === undefined ? '/dev/null' : shellQuote(step.outputPath);
      return `cd ${shellQuote(step.cwd)} && ${environmentText(step.env, step.secretEnv)}setsid ${shellLine(step.argv)} >>${output} 2>&1 &`;
    }
    case 'http': {
      const words = ['curl', '-sS', '-X', step.method];
      for (const [name, value] of Object.entries(requestHeaders(step))) words.push('-H', `${name}: ${value}`);
      const secret = step.secretHeader;
      const header = secret ? ` -H "${secret.name}: ${secret.prefix ?? ''}$${secret.variable}"` : '';
      const body = step.body === undefined ? '' : ` --data-raw ${shellQuote(JSON.stringify(step.body))}`;
      return `${shellLine(words)}${header}${body} ${shellQuote(step.url)}`;
    }
    case 'file':
      if (step.text === undefined) return `rm -f -- ${shellQuote(step.path)}`;
      return `printf %s ${shellQuote(step.text)} > ${shellQuote(step.path)}`;
    case 'signal':
      return `kill -${step.signal.replace(/^SIG/, '')} ${step.pid}`;
    case 'read':
      return `cat -- ${step.paths.map(shellQuote).join(' ')}`;
    default:
      return assertNever(step, 'step');
  }
}

/** The headers a request is sent with, the secret one left out. */
export function requestHeaders(step: Extract<Step, { type: 'http' }>): { readonly [name: string]: string } {
  const named = Object.keys(step.headers ?? {}).some((name) => name.toLowerCase() === 'content-type');
  return {
    ...(step.body === undefined || named ? {} : { 'Content-Type': 'application/json' }),
    ...step.headers,
  };
}

function environmentText(
  env: { readonly [name: string]: string } = {},
  secret: readonly string[] = [],
): string {
  const words = [
    ...Object.entries(env).map(([name, value]) => `${name}=${shellQuote(value)}`),
    ...secret.map((name) => `${name}="$${name}"`),
  ];
  return words.length === 0 ? '' : `${words.join(' ')} `;
}
