/** A small validator of JSON Schema: the keywords `config schema` prints, nothing more; an unknown one is an error. */
type Schema = { readonly [keyword: string]: unknown };

const ANNOTATIONS = new Set(['$schema', '$defs', 'title', 'description', 'then', 'default', 'id']);

/** What is wrong with `value`, each as `path: keyword`; [] when it fits. */
export function problemsOf(root: Schema, value: unknown, schema: Schema = root, at = ''): readonly string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]): readonly string[] => {
    const check = keywords[keyword];
    if (check) return check(root, value, schema, at, wanted);
    if (ANNOTATIONS.has(keyword)) return [];
    throw new Error(`keyword ${keyword} at ${at} is not known here`);
  });
}

type Check = (root: Schema, value: unknown, schema: Schema, at: string, wanted: unknown) => readonly string[];

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const hasType = (value: unknown, type: unknown): boolean => {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isRecord(value);
  if (type === 'null') return value === null;
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
};

const unless = (isFine: boolean, at: string, keyword: string): readonly string[] =>
  isFine ? [] : [`${at}: ${keyword}`];

const keywords: { readonly [keyword: string]: Check } = {
  type: (_root, value, _schema, at, wanted) =>
    unless(
      [wanted].flat().some((type) => hasType(value, type)),
      at,
      `type ${String(wanted)}`,
    ),
  const: (_root, value, _schema, at, wanted) => unless(value === wanted, at, `const ${String(wanted)}`),
  enum: (_root, value, _schema, at, wanted) => unless((wanted as unknown[]).includes(value), at, 'enum'),
  pattern: (_root, value, _schema, at, wanted) =>
    unless(
      typeof value !== 'string' || new RegExp(String(wanted), 'u').test(value),
      at,
      `pattern ${String(wanted)}`,
    ),
  minLength: (_root, value, _schema, at, wanted) =>
    unless(typeof value !== 'string' || value.length >= Number(wanted), at, 'minLength'),
  maxLength: (_root, value, _schema, at, wanted) =>
    unless(typeof value !== 'string' || value.length <= Number(wanted), at, 'maxLength'),
  minItems: (_root, value, _schema, at, wanted) =>
    unless(!Array.isArray(value) || value.length >= Number(wanted), at, 'minItems'),
  minimum: (_root, value, _schema, at, wanted) =>
    unless(typeof value !== 'number' || value >= Number(wanted), at, 'minimum'),
  maximum: (_root, value, _schema, at, wanted) =>
    unless(typeof value !== 'number' || value <= Number(wanted), at, 'maximum'),
  required: (_root, value, _schema, at, wanted) =>
    isRecord(value)
      ? (wanted as string[])
          .filter((name) => !Object.hasOwn(value, name))
          .map((name) => `${at}.${name}: required`)
      : [],
  properties: (root, value, _schema, at, wanted) =>
    isRecord(value)
      ? Object.entries(wanted as Schema).flatMap(([name, inner]) =>
          Object.hasOwn(value, name) ? problemsOf(root, value[name], inner as Schema, `${at}.${name}`) : [],
        )
      : [],
  additionalProperties: (root, value, schema, at, wanted) =>
    isRecord(value)
      ? Object.entries(value)
          .filter(([name]) => !Object.hasOwn((schema['properties'] ?? {}) as object, name))
          .flatMap(([name, one]) =>
            wanted === false
              ? [`${at}.${name}: no such key`]
              : problemsOf(root, one, wanted as Schema, `${at}.${name}`),
          )
      : [],
  propertyNames: (root, value, _schema, at, wanted) =>
    isRecord(value)
      ? Object.keys(value).flatMap((name) => problemsOf(root, name, wanted as Schema, `${at}.${name}`))
      : [],
  items: (root, value, _schema, at, wanted) =>
    Array.isArray(value)
      ? value.flatMap((one, index) => problemsOf(root, one, wanted as Schema, `${at}.${index}`))
      : [],
  allOf: (root, value, _schema, at, wanted) =>
    (wanted as Schema[]).flatMap((one) => problemsOf(root, value, one, at)),
  anyOf: (root, value, _schema, at, wanted) =>
    unless(
      (wanted as Schema[]).some((one) => problemsOf(root, value, one, at).length === 0),
      at,
      'anyOf',
    ),
  oneOf: (root, value, _schema, at, wanted) => {
    const fits = (wanted as Schema[]).filter((one) => problemsOf(root, value, one, at).length === 0);
    return unless(fits.length === 1, at, `oneOf (${fits.length} fit)`);
  },
  if: (root, value, schema, at, wanted) =>
    problemsOf(root, value, wanted as Schema, at).length === 0
      ? problemsOf(root, value, (schema['then'] ?? {}) as Schema, at)
      : [],
  $ref: (root, value, _schema, at, wanted) => {
    const found = String(wanted)
      .replace(/^#\/?/, '')
      .split('/')
      .filter((part) => part !== '')
      .reduce<unknown>((inner, part) => (inner as Schema)[part], root);
    return problemsOf(root, value, found as Schema, at);
  },
};
