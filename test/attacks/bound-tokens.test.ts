import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// An issuer binds a token to a key of its client (RFC 9449 DPoP, RFC 8705 mutual TLS), so that a stolen token is good for
// nothing. A gateway that takes it as a bearer token undoes that: whoever has stolen it is let in.

const BINDINGS = [
  { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' },
  { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' },
  { kid: 'client-1' },
  {},
  [],
  'text',
];

test('a token that is bound to a key is not taken without a proof', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  for (const cnf of BINDINGS) {
    for (const round of ['at first', 'remembered']) {
      const response = await gateway.ask(requestBytes({ headers: [gateway.bearer({ cnf, iat: 1 })] }));
      t.is(response.status, 401, `${JSON.stringify(cnf)} ${round}`);
      t.is(codeOf(response), 'token.type');
      t.regex(response.body, /bound to/);
      t.regex(response.header('www-authenticate') ?? '', /error="invalid_token"/);
    }
  }
  t.is(upstream.connections.length, 0);
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer({ iat: 1 })] }))).status, 200);
});
