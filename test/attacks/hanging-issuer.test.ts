import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { makeKey, signToken } from '../support/keys.ts';
import { until } from '../support/until.ts';

// A token that names a key nobody knows has the issuer asked, and its request waits for the answer. Anybody can invent such
// tokens; where the issuer hangs, each request held its head for as long as the issuer may take, and a few connections with
// 8 KiB of headers in each request filled the memory of a gateway in seconds. More than 1024 may not wait; and a token whose
// key is known never waits with them.

const MOST = 1024;
const LATE = 60;
const FORGER = makeKey('ES256', 'forger');
const FILLER = ['X-Filler', 'x'.repeat(8000)] as const;

test('of requests that wait for a hanging issuer only so many are held, and others are served', async (t) => {
  const { gateway } = await startBehind(t, { issuer: { keys: { discovery: true, timeout: '60s' } } });
  const { keyServer } = gateway;
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200, 'keys are known');
  await keyServer.behave('hang');
  const before = keyServer.requests.discovery;
  const claims = { iss: keyServer.issuer, aud: 'orders-api', exp: 9e9 };
  const send = (index: number) => {
    const authorization = `Bearer ${signToken(FORGER, claims, { kid: `invented-${index}` })}`;
    return gateway.ask(requestBytes({ headers: [['Authorization', authorization], FILLER] }), { timeoutMs: 60_000 });
  };
  let answered = 0;
  const flood = Array.from({ length: MOST + LATE }, async (_, index) => {
    const response = await send(index);
    answered += 1;
    return response;
  });
  await until(() => answered === LATE, `${LATE} are answered while the issuer hangs`, 60_000);
  t.is(keyServer.requests.discovery, before + 1, 'it is asked once');
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200, 'a known key needs no fetch');

  await keyServer.behave('serve');
  const responses = await Promise.all(flood);
  const refused = responses.filter(({ status }) => status === 503);
  t.is(refused.length, LATE);
  for (const response of refused) {
    t.is(codeOf(response), 'verify.keys-unavailable');
    t.is(response.header('retry-after'), '5');
  }
  t.is(
    responses.filter((response) => response.status === 401 && codeOf(response) === 'token.key-unknown').length,
    MOST,
  );
});
