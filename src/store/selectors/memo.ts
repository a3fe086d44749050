/**
 * A pure function that remembers its last call: with the same arguments, by identity, it returns the same object. This
 * is what lets panes skip drawing when nothing they show has changed.
 */
export function memoLast<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined;
  return (...args) => {
    if (
      last &&
      last.args.length === args.length &&
      last.args.every((arg, index) => Object.is(arg, args[index]))
    ) {
      return last.result;
    }
    last = { args, result: compute(...args) };
    return last.result;
  };
}

/** The former object when the new one has the same content by `same`, so that equal results stay one object. */
export function keepEqual<T>(same: (a: T, b: T) => boolean): (next: T) => T {
  let last: T | undefined;
  return (next) => {
    if (last !== undefined && same(last, next)) return last;
    last = next;
    return next;
  };
}
