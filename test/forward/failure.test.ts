import test from 'ava';
import { errors } from 'undici';
import type { Code } from '../../src/errors/catalogue.ts';
import { failureFault, isBrokenConnection } from '../../src/forward/failure.ts';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

const FAILURES: readonly (readonly [error: Error, code: Code, broken?: true])[] = [
  [new errors.ConnectTimeoutError('x'), 'forward.timeout'],
  [new errors.HeadersTimeoutError('x'), 'forward.timeout'],
  [new errors.BodyTimeoutError('x'), 'forward.timeout'],
  [new errors.HeadersOverflowError('x'), 'forward.invalid-response'],
  [new errors.ResponseContentLengthMismatchError('x'), 'forward.invalid-response'],
  [new errors.HTTPParserError('x'), 'forward.invalid-response'],
  [withCode('ERR_ASSERTION'), 'forward.invalid-response'],
  [new errors.InvalidArgumentError('x'), 'gateway.internal'],
  [new errors.NotSupportedError('x'), 'gateway.internal'],
  [new errors.SocketError('x'), 'forward.unreachable', true],
  [withCode('ECONNRESET'), 'forward.unreachable', true],
  [withCode('EPIPE'), 'forward.unreachable', true],
  [withCode('ECONNREFUSED'), 'forward.unreachable'],
  [withCode('ENOTFOUND'), 'forward.unreachable'],
  [withCode('DEPTH_ZERO_SELF_SIGNED_CERT'), 'forward.unreachable'],
  [withCode('constructor'), 'forward.unreachable'],
  [new Error('without a code'), 'forward.unreachable'],
];

test('what went wrong with an upstream has a code, and its own words stay out of the detail', (t) => {
  for (const [cause, code, broken = false] of FAILURES) {
    const name = `${cause.name} ${(cause as { code?: string }).code}`;
    const fault = failureFault(cause);
    t.is(fault.code, code, name);
    t.is(fault.cause, cause, name);
    t.false(fault.detail?.includes('x.') ?? false, name);
    t.is(isBrokenConnection(cause), broken, name);
  }
});
