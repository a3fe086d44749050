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
