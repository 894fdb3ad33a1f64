import test, { type ExecutionContext } from 'ava';

type Check = (t: ExecutionContext) => unknown;

/** Declares a test, or one that is skipped. */
interface Declare {
  (title: string, check: Check): void;
  /** The same as `test.serial`. */
  readonly serial: (title: string, check: Check) => void;
}

const declaring = (declare: (title: string, check: Check, serial: boolean) => void): Declare =>
  Object.assign((title: string, check: Check) => declare(title, check, false), {
    serial: (title: string, check: Check) => declare(title, check, true),
  });

const RUN = declaring((title, check, serial) => (serial ? test.serial : test)(title, check));
const skip = (what: string) => declaring((title, check) => test.skip(`${title} (skipped: needs ${what})`, check));

/**
 * A `test` for what needs a program or data beside Node. Where that is absent the test is skipped, and its title says
 * what is missing; with BEARERGATE_TEST_ALL=1, as in CI, it fails instead.
 */
export function needs(what: string, isThere: () => boolean): Declare {
  if (isThere()) return RUN;
  if (process.env.BEARERGATE_TEST_ALL !== '1') return skip(what);
  return declaring((title) => test(title, (t) => t.fail(`${what} is missing`)));
}

/**
 * A `test` for what Node has from a major version on. An older one skips it in CI too, which runs on a single version;
 * `npm run test:nodes` runs the others.
 */
export function needsNode(major: number): Declare {
  return Number.parseInt(process.versions.node, 10) >= major ? RUN : skip(`Node ${major}`);
}
