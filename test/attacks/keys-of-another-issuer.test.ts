import { createServer } from 'node:http';
import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { accessClaims, makeKey, serveJwks, signToken } from '../support/keys.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';

// Keys that are found by `kid` alone let every issuer speak for every other: Centrifugo CVE-2026-49998, Istio
// CVE-2026-41413. And a `kid`, `iss`, `jku` or `x5u` that makes the gateway fetch something is a request from inside the
// network to wherever the token says: Centrifugo CVE-2026-32301, Fulcio CVE-2026-49478.

test('an issuer speaks for itself alone, whatever the kid', async (t) => {
  const kid = 'shared';
  const [first, second] = [makeKey('ES256', kid), makeKey('ES256', kid)];
  const [one, other] = [await serveJwks([first]), await serveJwks([second])];
  t.teardown(async () => {
    await one.close();
    await other.close();
  });
  const issuer = (server: typeof one) => ({
    issuer: server.issuer,
    audience: 'orders-api',
    keys: { url: server.jwksUri },
  });
  const { gateway, upstream } = await startBehind(t, {
    issuers: { one: issuer(one), other: issuer(other) },
    routes: [
      { id: 'one', match: { path: '/one' }, auth: { issuers: ['one'] } },
      { id: 'both', match: { path: '/both' }, auth: { issuers: ['one', 'other'] } },
    ],
  });
  const ask = (target: string, token: string) =>
    gateway.ask(requestBytes({ target, headers: [['Authorization', `Bearer ${token}`]] }));
  const good = signToken(first, accessClaims({ iss: one.issuer }));
  const theirs = signToken(second, accessClaims({ iss: other.issuer }));
  // Twice, so that nothing remembered of one lends itself to the other.
  for (const time of ['first', 'second']) {
    for (const target of ['/one', '/both']) {
      t.is(codeOf(await ask(target, signToken(second, accessClaims({ iss: one.issuer })))), 'token.signature', time);
    }
    t.is(codeOf(await ask('/both', signToken(first, accessClaims({ iss: other.issuer })))), 'token.signature');
    t.is(codeOf(await ask('/one', theirs)), 'token.issuer');
    for (const iss of [
      `${one.issuer}/`,
      one.issuer.toUpperCase(),
      `${one.issuer}#x`,
      [one.issuer],
      `${one.issuer},${other.issuer}`,
    ]) {
      t.is((await ask('/one', signToken(first, accessClaims({ iss: iss as string })))).status, 401, `${iss}`);
    }
    t.is((await ask('/one', good)).status, 200);
    t.is((await ask('/both', theirs)).status, 200);
  }
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/one', '/both', '/one', '/both'],
  );
});

test('nothing in a token makes the gateway ask anybody', async (t) => {
  let asked = 0;
  const canary = createServer((_, response) => {
    asked += 1;
    response.end(JSON.stringify({ keys: [own.jwk] }));
  });
  const own = makeKey('ES256');
  const { url } = await listenOnLoopback(canary);
  t.teardown(() => closeNow(canary));
  const { gateway, upstream } = await startBehind(t);
  const before = gateway.keyServer.requests.discovery;
  for (const header of [
    { jku: url },
    { x5u: url },
    { kid: url },
    { kid: '../../etc/passwd' },
    { kid: "' OR 1=1" },
    { kid: 'x'.repeat(4096) },
    { kid: 1 },
  ]) {
    const token = signToken(own, accessClaims({ iss: gateway.keyServer.issuer }), header);
    t.is(
      (await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }))).status,
      401,
      JSON.stringify(header).slice(0, 60),
    );
  }
  const token = signToken(own, accessClaims({ iss: url }));
  t.is(codeOf(await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }))), 'token.issuer');
  t.is(asked, 0);
  t.is(gateway.keyServer.requests.discovery, before);
  t.is(upstream.connections.length, 0);
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
});
