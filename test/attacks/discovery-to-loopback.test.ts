import test, { type ExecutionContext } from 'ava';
import { type Ask, ask } from '../../src/verify/ask.ts';
import { fetchKeys } from '../../src/verify/discovery.ts';
import { ProviderError } from '../../src/verify/fetch.ts';
import { issuerSettings } from '../support/issuers.ts';
import { makeKey } from '../support/keys.ts';
import { rawResponse, startRecordingUpstream } from '../support/upstream.ts';

// Somebody who writes the discovery document of an issuer out there (the issuer, who broke into it, a tenant of it) names an
// address on the gateway's own machine. http is for loopback everywhere in the configuration, so the gateway would ask what
// listens there for it alone: metrics, a side-car's admin port, a cloud agent. It must not.

const KEY = makeKey('ES256', 'k1');
const ISSUER = 'https://login.example.com';

/** A gateway's way to the issuers: `issuer` publishes `metadata`, the rest of the world is as it is. */
function world(issuer: string, metadata: object) {
  const asked: string[] = [];
  const asking: Ask = async (url, question) => {
    asked.push(url);
    if (url.startsWith(`${issuer}/.well-known/`)) return Response.json({ issuer, ...metadata });
    return url.startsWith(`${issuer}/`) ? Response.json({ keys: [KEY.jwk] }) : ask(url, question);
  };
  const keys = (allowHttp = false) =>
    fetchKeys(issuerSettings({ issuer }, { allowHttp, timeout: 2000 }), asking, new AbortController().signal);
  return { asked, keys };
}

/** What listens on the gateway's own machine: it has the keys, and a discovery document that names its own address. */
async function startLocal(t: ExecutionContext) {
  const local = await startRecordingUpstream(({ target }) => {
    const metadata = { issuer: local.url, jwks_uri: `${local.url}/jwks`, token_endpoint: `${local.url}/token` };
    const document = target === '/jwks' ? { keys: [KEY.jwk] } : metadata;
    return rawResponse(200, JSON.stringify(document), [['Content-Type', 'application/json']]);
  });
  t.teardown(local.close);
  return local;
}

const SPELLINGS = [
  '127.0.0.1',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'keys.localhost',
  '127.1',
  '127.255.255.254',
  '0x7f000001',
  '2130706433',
  '0.0.0.0',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f12:3]',
  '[::ffff:0.0.0.0]',
  '[::127.0.0.1]',
];

for (const host of SPELLINGS) {
  test(`an issuer elsewhere cannot send the gateway to ${host}`, async (t) => {
    const local = await startLocal(t);
    const { asked, keys } = world(ISSUER, { jwks_uri: `http://${host}:${local.port}/jwks` });
    for (const allowHttp of [false, true]) await t.throwsAsync(keys(allowHttp), { instanceOf: ProviderError });
    t.is(local.connections.length, 0);
    t.true(asked.every((url) => url.startsWith(ISSUER)));
  });

  test(`a token endpoint on ${host} is not what an issuer elsewhere has clients shown`, async (t) => {
    const { keys } = world(ISSUER, { jwks_uri: `${ISSUER}/jwks`, token_endpoint: `http://${host}:9/token` });
    for (const allowHttp of [false, true]) t.is((await keys(allowHttp)).tokenEndpoint, undefined);
  });
}

test('an issuer on this machine has its keys and its token endpoint here', async (t) => {
  const local = await startLocal(t);
  const settings = issuerSettings({ issuer: local.url }, {});
  const { document, tokenEndpoint } = await fetchKeys(settings, ask, new AbortController().signal);
  t.deepEqual(document, { keys: [KEY.jwk] });
  t.is(tokenEndpoint, `${local.url}/token`);
  t.deepEqual(
    local.requests.map(({ target }) => target),
    ['/.well-known/openid-configuration', '/jwks'],
  );
});

test('an issuer elsewhere has its own, by https, and by http where that is allowed', async (t) => {
  const own = { jwks_uri: `${ISSUER}/jwks`, token_endpoint: `${ISSUER}/token` };
  t.like(await world(ISSUER, own).keys(), { document: { keys: [KEY.jwk] }, tokenEndpoint: `${ISSUER}/token` });
  const plain = 'http://login.internal';
  const inside = { jwks_uri: `${plain}/jwks`, token_endpoint: `${plain}/token` };
  t.like(await world(plain, inside).keys(true), { document: { keys: [KEY.jwk] }, tokenEndpoint: `${plain}/token` });
  await t.throwsAsync(world(plain, inside).keys(false), { instanceOf: ProviderError });
});
