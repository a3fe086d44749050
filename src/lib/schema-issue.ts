/** The part of a schema library's complaint that is put into words; zod's small build has no words of its own. */
interface SchemaIssue {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly path?: readonly PropertyKey[] | undefined;
  readonly expected?: unknown;
  readonly values?: readonly unknown[] | undefined;
  /** What the key that tells forms apart may be. */
  readonly options?: readonly unknown[] | undefined;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
}

/** What is wrong with the value a complaint is about, in words: `is missing`, `true or false is wanted`. */
export function issueText(issue: SchemaIssue | undefined, document: unknown): string {
  if (!issue) return 'not valid';
  const value = (issue.path ?? []).reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<PropertyKey, unknown>)[key]
        : undefined,
    document,
  );
  if (value === undefined && (issue.path ?? []).length > 0) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `${typeWords[String(issue.expected)] ?? String(issue.expected)} is wanted`;
    case 'invalid_value':
      return `one of these is wanted: ${(issue.values ?? []).map(String).join(', ')}`;
    case 'invalid_union':
      if (issue.options === undefined) return 'is not of a form that is known';
      return `one of these is wanted: ${issue.options.map(String).join(', ')}`;
    case 'too_small':
      return value === '' ? 'is empty' : `is less than ${String(issue.minimum)}`;
    case 'too_big':
      return `is longer than ${String(issue.maximum)}`;
    default:
      return issue.message && issue.message !== 'Invalid input'
        ? issue.message
        : 'is not of a form that is known';
  }
}

const typeWords: { readonly [type: string]: string } = {
  string: 'a text',
  boolean: 'true or false',
  number: 'a number',
  array: 'a list',
  object: 'a mapping of keys',
  record: 'a mapping of keys',
};
