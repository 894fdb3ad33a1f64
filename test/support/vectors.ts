import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CORPORA } from './corpora.ts';

/** Test data that nobody here wrote, and that is not part of the repository. */
const FOLDER = process.env.BEARERGATE_VECTORS ?? join(import.meta.dirname, '../../../shared/vectors');

/**
 * A test over one file of published vectors. Where the file is absent the test is skipped, and its title says which file
 * it is and where to get it; with BEARERGATE_TEST_ALL=1 it fails, so that a build which should have the vectors can't lose
 * them unnoticed.
 */
export function vectorTest<T>(title: string, file: string, check: (t: ExecutionContext, vectors: T) => unknown): void {
  const path = join(FOLDER, file);
  const { source } = CORPORA[file.split('/', 1)[0] as string] ?? {};
  if (source === undefined) throw new Error(`nothing says where ${file} comes from`);
  if (existsSync(path) || process.env.BEARERGATE_TEST_ALL === '1') {
    test(title, (t) => check(t, JSON.parse(readFileSync(path, 'utf8')) as T));
  } else {
    const reason = `${file} of ${source} is not in $BEARERGATE_VECTORS; CONTRIBUTING.md says how to get it`;
    test.skip(`${title} (skipped: ${reason})`, () => {});
  }
}
