/** Runs with every test file: a module's own `afterAll` is of the first file alone where a worker takes several. */
import { afterAll } from 'vitest';
import { endFile } from './db/temporary.ts';

afterAll(endFile);
