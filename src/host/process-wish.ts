/** Which processes are wanted: a word within an argument, a listener of a port, a pid; descendants come with them. */
export interface ProcessWish {
  readonly words: readonly string[];
  readonly ports?: readonly number[];
  readonly pids?: readonly number[];
}
