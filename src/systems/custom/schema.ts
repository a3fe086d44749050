/** How a kind is described in `binnacle.yaml` below `kinds:`. */
import * as z from 'zod/mini';
import { act, playbook } from './schema-act.ts';
import { entity } from './schema-entity.ts';
import { source } from './schema-source.ts';
import { text } from './words.ts';

const name = z
  .string()
  .check(z.regex(/^[a-z][a-z0-9-]{0,31}$/, 'a name of small letters, digits and dashes is wanted'));

/** A described kind. */
export const kindDescription = z.strictObject({
  title: text,
  recognise: z.optional(
    z.array(text).check(z.describe('paths that are all there in a directory of this kind')),
  ),
  settings: z.optional(
    z
      .record(name, z.strictObject({ what: text, default: z.optional(text) }))
      .check(
        z.describe('settings of a system, put in as {settings.NAME}; one without a default must be given'),
      ),
  ),
  sources: z.record(
    z
      .string()
      .check(z.regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'a name of letters, digits, - and _ is wanted')),
    source,
  ),
  entities: z.array(entity),
  acts: z.optional(z.array(act)),
  playbooks: z.optional(z.array(playbook)),
});

export type KindDescription = z.infer<typeof kindDescription>;
