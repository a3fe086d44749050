/**
 * A WebAssembly module of one function, assembled here byte by byte (numbers of the core and SIMD instruction sets):
 *
 *   find(start, end, needle, masks, length) -> place of the first match that lies in [start, end) as a whole, or -1
 *
 * All are addresses in its memory. A byte `b` matches the needle's `n` with the mask `m` where `(b | m) == n`: mask 0x20
 * over a small letter takes both cases, mask 0 only the byte itself. First and last byte of the needle are compared at 16
 * places at a time, 64 places a round as long as nothing fits; what fits is compared in full. It may read up to
 * `SLACK_BYTES` behind `end`.
 */

/** So much memory behind the searched bytes must exist; what is in it doesn't matter. */
export const SLACK_BYTES = 128;

const I32 = 0x7f;
const V128 = 0x7b;
const VOID = 0x40;

/** Unsigned LEB128, the number format of the binary. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

/** Signed LEB128, the format of constants; all of ours are small. */
function constant(value: number): number[] {
  const bytes: number[] = [0x41];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const simd = (...code: number[]): number[] => [0xfd, ...code];
const block = (...code: (readonly number[])[]): number[] => [0x02, VOID, ...code.flat(), 0x0b];
const loop = (...code: (readonly number[])[]): number[] => [0x03, VOID, ...code.flat(), 0x0b];
const when = (...code: (readonly number[])[]): number[] => [0x04, VOID, ...code.flat(), 0x0b];
const branch = (depth: number): number[] => [0x0c, depth];
const branchIf = (depth: number): number[] => [0x0d, depth];
const loadByte = [0x2d, 0, 0];
const [eqz, notEqual, greater, atLeast] = [[0x45], [0x47], [0x4a], [0x4e]];
const [add, subtract, and, or, trailingZeros, giveBack] = [[0x6a], [0x6b], [0x71], [0x72], [0x68], [0x0f]];
const [splat, bytesEqual, bitmask] = [simd(0x0f), simd(0x23), simd(0x64)];
const [vectorAnd, vectorOr, anyTrue] = [simd(0x4e), simd(0x50), simd(0x53)];
const load = (offset: number): number[] => simd(0x00, 0, ...unsigned(offset));

// Parameters, then locals.
const [START, END, NEEDLE, MASKS, LENGTH] = [0, 1, 2, 3, 4] as const;
const [LIMIT, TAIL, BITS, AT, STEP] = [5, 6, 7, 8, 9] as const;
const [FIRST, FIRST_MASK, LAST, LAST_MASK] = [10, 11, 12, 13] as const;

/** Where first and last byte fit, 0xff each, of the 16 places at START + offset. */
function fits(offset: number): number[] {
  return [
    ...[get(START), load(offset), get(FIRST_MASK), vectorOr, get(FIRST), bytesEqual],
    ...[get(START), get(TAIL), add, load(offset), get(LAST_MASK), vectorOr, get(LAST), bytesEqual, vectorAnd],
  ].flat();
}

const splatAt = (address: number, place: readonly number[], local: number): number[] => [
  ...[get(address), place, add, loadByte, splat, set(local)].flat(),
];

function findBody(): number[] {
  const compareInFull = block(
    // Leaves the block by itself where a byte differs.
    loop(
      ...[get(STEP), get(TAIL), atLeast, when(get(AT), giveBack)],
      ...[get(AT), get(STEP), add, loadByte, get(MASKS), get(STEP), add, loadByte, or],
      ...[get(NEEDLE), get(STEP), add, loadByte, notEqual, branchIf(1)],
      ...[get(STEP), constant(1), add, set(STEP), branch(0)],
    ),
  );
  const candidates = loop(
    get(BITS),
    when(
      ...[get(START), get(BITS), trailingZeros, add, set(AT)],
      ...[get(AT), get(LIMIT), greater, when(constant(-1), giveBack)],
      ...[constant(1), set(STEP), compareInFull],
      ...[get(BITS), get(BITS), constant(1), subtract, and, set(BITS)],
      branch(1),
    ),
  );
  const code = [
    ...[get(END), get(LENGTH), subtract, set(LIMIT), get(LENGTH), constant(1), subtract, set(TAIL)],
    ...[splatAt(NEEDLE, constant(0), FIRST), splatAt(MASKS, constant(0), FIRST_MASK)],
    ...[splatAt(NEEDLE, get(TAIL), LAST), splatAt(MASKS, get(TAIL), LAST_MASK)],
    loop(
      ...[get(START), get(LIMIT), greater, when(constant(-1), giveBack)],
      ...[fits(0), fits(16), vectorOr, fits(32), vectorOr, fits(48), vectorOr, anyTrue, eqz],
      when(get(START), constant(64), add, set(START), branch(1)),
      ...[fits(0), bitmask, set(BITS), candidates],
      ...[get(START), constant(16), add, set(START), branch(0)],
    ),
    constant(-1),
  ];
  const locals = [2, 5, I32, 4, V128];
  return [...locals, ...code.flat(), 0x0b];
}

const section = (id: number, content: readonly number[]): number[] => [
  id,
  ...unsigned(content.length),
  ...content,
];
const name = (text: string): number[] => [text.length, ...Buffer.from(text)];

/** The module: it takes `host.memory` and gives `find`. */
function assembleFindModule(): Uint8Array<ArrayBuffer> {
  const body = findBody();
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 5, I32, I32, I32, I32, I32, 1, I32]),
    ...section(2, [1, ...name('host'), ...name('memory'), 0x02, 0x00, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('find'), 0x00, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

/** Parameters and result as in the head of this file. */
export type Find = (start: number, end: number, needle: number, masks: number, length: number) => number;

/** What is used of WebAssembly's interface; the types of Node name it without declaring it as a value. */
interface Engine {
  Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: { readonly find: Find } };
}

const PAGE_BYTES = 65_536;
let compiled: object | undefined;

/** `find` over a memory of its own of at least `bytes`, which never grows. */
export function instantiateFind(bytes: number): { readonly find: Find; readonly memory: ArrayBuffer } {
  const { WebAssembly: engine } = globalThis as unknown as { readonly WebAssembly: Engine };
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const memory = new engine.Memory({ initial: pages, maximum: pages });
  compiled ??= new engine.Module(assembleFindModule());
  return { find: new engine.Instance(compiled, { host: { memory } }).exports.find, memory: memory.buffer };
}
