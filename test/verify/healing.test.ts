import { createServer } from 'node:http';
import test from 'ava';
import type { Outcome } from '../../src/outcome.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import { ask } from '../../src/verify/ask.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { KeySet } from '../../src/verify/keys.ts';
import { JwtVerifier } from '../../src/verify/kinds/jwt.ts';
import type { Verified } from '../../src/verify/verifier.ts';
import { FakeClock } from '../support/clock.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { issuerSettings, KeyLog } from '../support/issuers.ts';
import { accessClaims, makeKey, serveJwks, signToken, type TestKey } from '../support/keys.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';

const OLD = makeKey('ES256', 'old');
const NEW = makeKey('ES256', 'new');
const FORGER = makeKey('ES256', 'forger');
const MINUTE = 60_000;

function told(outcome: Outcome<Verified>): string {
  return outcome.ok ? 'accepted' : outcome.fault.code;
}

// With a `kid`, a key that is not there yet is told from a forged signature. Without one both look the same, and a
// refusal that is remembered would outlive the fetch that brings the key: a good token stays refused for `rejectedFor`.
test('a token without kid that was refused by signature is accepted once its key is there', async (t) => {
  const provider = await serveJwks([OLD]);
  const clock = new FakeClock();
  const log = new KeyLog();
  const settings = issuerSettings(
    { issuer: provider.issuer },
    { source: { kind: 'url', url: provider.jwksUri }, refresh: MINUTE, cooldown: 10 * MINUTE },
  );
  const set = new KeySet(settings, clock, ask, log);
  t.teardown(async () => {
    set.close();
    await provider.close();
  });
  const cache = new TokenCache({ maxEntries: 1000, maxAge: MINUTE, rejectedFor: 60 * MINUTE });
  const verifier = new CachedVerifier([new JwtVerifier(settings, set)], cache, clock.now);
  const verify = async (token: string) => told(await verifier.verify(new RawToken(token), clock.now()));
  const sign = (key: TestKey, kid?: string) =>
    signToken(key, accessClaims({ iss: provider.issuer }, clock.now()), { kid });
  await set.start();

  // A forged one uses up what may be asked out of turn.
  const forged = sign(FORGER);
  t.is(await verify(forged), 'token.signature');
  provider.publish([OLD, NEW]);
  const good = sign(NEW);
  t.is(await verify(good), 'token.signature', 'the key is not there yet');
  t.is(await verify(good), 'token.signature');

  const fetched = log.next();
  clock.advance(MINUTE + MINUTE / 2); // refreshes are spread a little
  await fetched;
  t.is(await verify(good), 'accepted');
  t.is(await verify(sign(NEW)), 'accepted');
  t.is(await verify(sign(OLD)), 'accepted');
  t.is(await verify(forged), 'token.signature');
  t.is(cache.counts.refusedHit, 0);

  // Of one that names a key that is there, the refusal lasts, and is remembered.
  const lying = sign(FORGER, 'old');
  t.is(await verify(lying), 'token.signature');
  t.is(await verify(lying), 'token.signature');
  t.is(cache.counts.refusedHit, 1);
});

// Some issuers hand out an address with a key to it. What is logged about a failure, or shown to whoever may see
// /readyz, must not hand it on.
test('no failure to fetch keys shows the query of their address', async (t) => {
  const failures = {
    status: /answered 500$/,
    page: /did not answer JSON$/,
    large: /answered more than 524288 bytes$/,
    empty: /the key set is empty/,
    redirect: /answered 302$/,
    cut: /could not be fetched: /,
    hang: /did not answer within \d+ ms$/,
  };
  const paths: string[] = [];
  const server = createServer((request, response) => {
    const address = String(request.url);
    paths.push(address);
    switch (address.slice(1).split('?')[0]) {
      case 'status':
        return void response.writeHead(500).end();
      case 'page':
        return void response.end('<!doctype html><p>Back soon.');
      case 'large':
        return void response.end('x'.repeat(600 * 1024));
      case 'empty':
        return void response.end('{"keys":[]}');
      case 'redirect':
        return void response.writeHead(302, { location: `/elsewhere${address}` }).end();
      case 'cut':
        return void response.socket?.resetAndDestroy();
    }
  });
  const { url } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  const names = Object.keys(failures) as (keyof typeof failures)[];
  const issuers = Object.fromEntries(
    names.map((name) => [
      name,
      {
        ...{ issuer: `https://${name}.example.com`, audience: 'orders-api' },
        keys: { url: `${url}/${name}?api_key=\${KEY}`, timeout: '1s' },
      },
    ]),
  );
  const { gateway } = await startBehind(t, {
    issuers,
    variables: { KEY: 'S3CRET-of-the-address' },
    defaults: { auth: { issuers: names } },
  });
  const shown = [];
  for (const name of names) {
    const token = gateway.token({ iss: `https://${name}.example.com` });
    const refused = await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }));
    t.is(codeOf(refused), 'verify.keys-unavailable', name);
    shown.push(refused.head, refused.body);
  }
  const ready = await fetch(`${gateway.adminUrl}/readyz`);
  t.is(ready.status, 503);
  shown.push(await ready.text(), JSON.stringify(gateway.lines));
  for (const text of shown) t.notRegex(text, /S3CRET|api_key/);

  // It was sent, and each failure is told.
  for (const name of names) {
    t.true(paths.includes(`/${name}?api_key=S3CRET-of-the-address`), name);
    const line = gateway.lines.find((line) => line.issuer === name && /keys/.test(String(line.msg)));
    t.regex(String(line?.error ?? line?.err ?? JSON.stringify(line)), failures[name], name);
    t.true(JSON.stringify(line).includes(`${url}/${name}`) || name === 'empty', name);
  }
});
