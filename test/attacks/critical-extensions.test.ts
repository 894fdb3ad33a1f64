import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// `crit` lists header members without which the token must not be understood (RFC 7515 §4.1.11). Passing over it takes a
// token bound to a key, or with a detached payload, for a plain one: fast-jwt GHSA-hm7r-c7qw-ghp6.

test('a token with something critical that is not understood here is refused', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const headers: readonly Record<string, unknown>[] = [
    { crit: ['x'] },
    { crit: ['x'], x: 1 },
    { crit: ['exp'], exp: 1 },
    { crit: ['b64'], b64: false },
    { crit: ['b64'], b64: true },
    { b64: false },
    { crit: [] },
    { crit: 'x' },
    { crit: [1] },
    { crit: ['alg'] },
    { crit: null },
  ];
  for (const header of headers) {
    const token = gateway.token({}, header);
    const response = await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }));
    t.is(response.status, 401, JSON.stringify(header));
    t.true(
      ['token.algorithm', 'token.malformed'].includes(codeOf(response)),
      `${JSON.stringify(header)} ${codeOf(response)}`,
    );
  }
  t.is(upstream.connections.length, 0);
  const token = gateway.token({}, { x: 1, cty: 'whatever' });
  t.is((await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }))).status, 200);
});
