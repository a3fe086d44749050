/**
 * Something a system needs and that is no part of it: a model server, room on a disk, a port, a key. Configured per
 * system, of whatever kind, and shown as a service of it.
 */
export type Dependency =
  | {
      readonly form: 'http';
      readonly url: string;
      /** The answer must hold this text: the name of a model. */
      readonly contains?: string;
      /** Degraded when its answer takes longer. */
      readonly slowMs: number;
      readonly everyMs: number;
      readonly secretHeader?: { readonly name: string; readonly variable: string; readonly prefix?: string };
    }
  | {
      readonly form: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly slowMs: number;
      readonly everyMs: number;
    }
  | {
      readonly form: 'disk';
      readonly path: string;
      /** Degraded below the first, down below the second; files count by share alone. */
      readonly warn: DiskAmount;
      readonly full: DiskAmount;
      readonly everyMs: number;
    }
  | {
      readonly form: 'key';
      /** Name of the variable that holds it. */
      readonly variable?: string;
      readonly expiresAt?: number;
      /** Degraded so long before it expires. */
      readonly warnMs: number;
      readonly everyMs: number;
    };

/** A share of the whole, 0 to 1, or bytes. */
export type DiskAmount = { readonly share: number } | { readonly bytes: number };

/** Dependencies by the names they were given. */
export type Dependencies = { readonly [name: string]: Dependency };
