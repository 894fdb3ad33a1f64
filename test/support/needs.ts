import test, { type ExecutionContext } from 'ava';

/**
 * A `test` for what needs a program or data beside Node. Where that is absent the test is skipped, and its title says
 * what is missing; with BEARERGATE_TEST_ALL=1, as in CI, it fails instead.
 */
export function needs(
  what: string,
  isThere: () => boolean,
): (title: string, check: (t: ExecutionContext) => unknown) => void {
  if (isThere()) return (title, check) => test(title, check);
  if (process.env.BEARERGATE_TEST_ALL === '1') return (title) => test(title, (t) => t.fail(`${what} is missing`));
  return (title, check) => test.skip(`${title} (skipped: needs ${what})`, check);
}
