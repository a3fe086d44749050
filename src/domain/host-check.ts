/** Something of this host, or reached from it, that is looked at without a program: a port, a disk, a variable. */
export type HostCheck =
  | { readonly form: 'tcp'; readonly host: string; readonly port: number }
  | { readonly form: 'disk'; readonly path: string }
  /** Whether a variable acts would use is set, here or in the env-file; never its value. */
  | { readonly form: 'variable'; readonly name: string };

/** What a look found. `error`: nothing answers there, or it can't be looked at. */
export type HostCheckAnswer =
  | { readonly form: 'tcp'; readonly latencyMs: number; readonly error?: string }
  | {
      readonly form: 'disk';
      /** Bytes and files that a user who is not root may still write, and how many there are in all. */
      readonly freeBytes: number;
      readonly totalBytes: number;
      readonly freeFiles: number;
      /** Nought where the file system does not count them. */
      readonly totalFiles: number;
    }
  | { readonly form: 'variable'; readonly isSet: boolean }
  | { readonly form: 'failed'; readonly error: string };

/** How a check is named in lists. */
export function hostCheckText(check: HostCheck): string {
  switch (check.form) {
    case 'tcp':
      return `${check.host.includes(':') ? `[${check.host}]` : check.host}:${check.port}`;
    case 'disk':
      return check.path;
    case 'variable':
      return `$${check.name}`;
  }
}
