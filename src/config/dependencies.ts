/** `dependencies:` of a system: what it needs beside itself, as it is written. */
import * as z from 'zod/mini';
import type { Dependencies, Dependency, DiskAmount } from '../domain/dependency.ts';
import { parseInstant } from '../domain/instant.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZES: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

const text = z.string().check(z.minLength(1), z.maxLength(4_096));
const duration = z.string().check(z.regex(/^\d{1,6}(ms|s|m|h|d)$/, 'a duration such as 10s or 5m is wanted'));
const variable = z
  .string()
  .check(z.regex(/^[A-Za-z_]\w{0,99}$/, 'the name of an environment variable is wanted'));
const amount = z
  .string()
  .check(
    z.regex(/^\d{1,6}(\.\d{1,3})?(%|[KMGT])$/, 'a share such as 10% or an amount such as 5G is wanted'),
    z.describe('a share of the disk (10%) or an amount (5G)'),
  );
const address = z
  .string()
  .check(
    z.regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, 'HOST:PORT is wanted'),
    z.describe('HOST:PORT'),
  );
const every = z.optional(duration.check(z.describe('time between two looks')));
const slow = z.optional(duration.check(z.describe('degraded when it takes longer; default 2s')));

/** Dependencies of one system by name. */
export const dependenciesSchema = z.record(
  z
    .string()
    .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'a name of letters, digits, - and _ is wanted')),
  z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('http'),
      url: text.check(
        z.refine(
          (url) => /^https?:\/\//.test(url) && URL.canParse(url),
          'an http or https address is wanted',
        ),
      ),
      contains: z.optional(text.check(z.describe('text its answer must hold: the name of a model'))),
      slow,
      every,
      'secret-header': z.optional(
        z.strictObject({ name: text, env: variable, prefix: z.optional(z.string()) }),
      ),
    }),
    z.strictObject({ type: z.literal('tcp'), address, slow, every }),
    z.strictObject({
      type: z.literal('disk'),
      path: text.check(z.regex(/^\//, 'an absolute path is wanted')),
      warn: z.optional(amount),
      full: z.optional(amount),
      every,
    }),
    z.strictObject({
      type: z.literal('key'),
      env: z.optional(
        variable.check(z.describe('the variable that holds it; only whether it is set is looked at')),
      ),
      expires: z.optional(
        text.check(
          z.refine((at) => parseInstant(at) !== undefined, 'a day or a time is wanted: 2026-12-01'),
          z.describe('the day or time from which it does not work any more'),
        ),
      ),
      warn: z.optional(duration.check(z.describe('degraded so long before it expires; default 14d'))),
    }),
  ]),
);

/** As the schema lets it through. */
export type WrittenDependencies = z.infer<typeof dependenciesSchema>;

/** What was written, with every default made definite. */
export function dependenciesOf(written: WrittenDependencies | undefined): Dependencies {
  return Object.fromEntries(Object.entries(written ?? {}).map(([name, one]) => [name, dependencyOf(one)]));
}

function dependencyOf(written: WrittenDependencies[string]): Dependency {
  switch (written.type) {
    case 'http': {
      const secret = written['secret-header'];
      return {
        form: 'http',
        url: written.url,
        slowMs: ms(written.slow, 2_000),
        everyMs: ms(written.every, 30_000),
        ...(written.contains === undefined ? {} : { contains: written.contains }),
        ...(secret === undefined
          ? {}
          : {
              secretHeader: {
                name: secret.name,
                variable: secret.env,
                ...(secret.prefix === undefined ? {} : { prefix: secret.prefix }),
              },
            }),
      };
    }
    case 'tcp': {
      const colon = written.address.lastIndexOf(':');
      return {
        form: 'tcp',
        host: written.address.slice(0, colon).replace(/^\[|\]$/g, ''),
        port: Number(written.address.slice(colon + 1)),
        slowMs: ms(written.slow, 2_000),
        everyMs: ms(written.every, 30_000),
      };
    }
    case 'disk':
      return {
        form: 'disk',
        path: written.path,
        warn: amountOf(written.warn ?? '10%'),
        full: amountOf(written.full ?? '1%'),
        everyMs: ms(written.every, 30_000),
      };
    case 'key': {
      const expiresAt = parseInstant(written.expires);
      return {
        form: 'key',
        warnMs: ms(written.warn, 14 * 86_400_000),
        everyMs: 60_000,
        ...(written.env === undefined ? {} : { variable: written.env }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
    }
  }
}

function ms(given: string | undefined, otherwise: number): number {
  const [, count = '', unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(given ?? '') ?? [];
  return given === undefined ? otherwise : Number(count) * (UNITS[unit] ?? 0);
}

function amountOf(given: string): DiskAmount {
  const count = Number.parseFloat(given);
  const unit = given.slice(-1);
  return unit === '%' ? { share: count / 100 } : { bytes: count * (SIZES[unit] ?? 0) };
}
