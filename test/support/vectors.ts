import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

/** Test data that nobody here wrote, and that is not part of the repository. */
const FOLDER = process.env.BEARERGATE_VECTORS ?? join(import.meta.dirname, '../../../shared/vectors');

/**
 * A test over one file of published vectors. Where the file is absent the test is skipped and its title says so; with
 * BEARERGATE_TEST_ALL=1 it fails, so that a build which should have the vectors can't lose them unnoticed.
 */
export function vectorTest<T>(title: string, file: string, check: (t: ExecutionContext, vectors: T) => unknown): void {
  const path = join(FOLDER, file);
  if (existsSync(path) || process.env.BEARERGATE_TEST_ALL === '1') {
    test(title, (t) => check(t, JSON.parse(readFileSync(path, 'utf8')) as T));
  } else {
    test.skip(`${title} (skipped: there is no ${path})`, () => {});
  }
}
