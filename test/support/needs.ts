import test, { type ExecutionContext } from 'ava';

type Declare = (title: string, check: (t: ExecutionContext) => unknown) => void;

/**
 * A `test` for what needs a program or data beside Node. Where that is absent the test is skipped, and its title says
 * what is missing; with BEARERGATE_TEST_ALL=1, as in CI, it fails instead.
 */
export function needs(what: string, isThere: () => boolean): Declare {
  if (isThere()) return (title, check) => test(title, check);
  if (process.env.BEARERGATE_TEST_ALL === '1') return (title) => test(title, (t) => t.fail(`${what} is missing`));
  return (title, check) => test.skip(`${title} (skipped: needs ${what})`, check);
}

/**
 * A `test` for what Node has from a major version on. An older one skips it in CI too, which runs on a single version;
 * `npm run test:nodes` runs the others.
 */
export function needsNode(major: number): Declare {
  if (Number.parseInt(process.versions.node, 10) >= major) return (title, check) => test(title, check);
  return (title, check) => test.skip(`${title} (skipped: needs Node ${major})`, check);
}
