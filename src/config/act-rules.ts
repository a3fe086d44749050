import type { ActRule, ActRules, AllowList } from '../domain/act-rules.ts';
import { type ConfigPlace, placeText } from './load.ts';
import type { ConfigFile } from './schema.ts';

/** `acts:` as it is written, for all systems or for one. */
export type WrittenRules = NonNullable<ConfigFile['acts']>;

/** An `acts:` of the configuration and the keys that lead to it. */
export interface RulesPart {
  readonly keys: readonly (string | number)[];
  readonly rules: WrittenRules | undefined;
}

/** The rules for one system: those of `acts:` and those of its own entry, `systems[index].acts:`, where it has one. */
export function actRulesFor(config: ConfigFile, place: ConfigPlace, index?: number): ActRules {
  const own = index === undefined ? undefined : config.systems?.[index];
  const parts = rulesParts(config).filter(({ keys }) => keys.length === 1 || keys[1] === index);
  const atOnce = own?.acts?.['at-once'] ?? config.acts?.['at-once'];
  const readOnly = own?.['read-only'] === true ? ['systems', index ?? 0, 'read-only'] : ['read-only'];
  const hasReadOnly = own?.['read-only'] === true || config['read-only'] === true;
  return {
    allow: parts.flatMap(({ keys, rules }): AllowList[] =>
      rules?.allow === undefined
        ? []
        : [
            {
              rules: rulesOf(rules.allow, [...keys, 'allow'], place),
              at: placeText(place, [...keys, 'allow']),
            },
          ],
    ),
    deny: parts.flatMap(({ keys, rules }) => rulesOf(rules?.deny, [...keys, 'deny'], place)),
    reasonRequired: parts.flatMap(({ keys, rules }) =>
      rulesOf(rules?.['reason-required'], [...keys, 'reason-required'], place),
    ),
    ...(atOnce === undefined ? {} : { atOnce }),
    ...(hasReadOnly ? { readOnlyAt: placeText(place, readOnly) } : {}),
    ...(own?.['run-as'] === undefined
      ? {}
      : { runAsAt: placeText(place, ['systems', index ?? 0, 'run-as']) }),
  };
}

/** Every `acts:` of a configuration. */
export function rulesParts(config: ConfigFile): readonly RulesPart[] {
  return [
    { keys: ['acts'], rules: config.acts },
    ...(config.systems ?? []).map(({ acts }, index) => ({ keys: ['systems', index, 'acts'], rules: acts })),
  ];
}

function rulesOf(
  patterns: readonly string[] | undefined,
  keys: readonly (string | number)[],
  place: ConfigPlace,
): readonly ActRule[] {
  return (patterns ?? []).map((pattern, index) => ({ pattern, at: placeText(place, [...keys, index]) }));
}
