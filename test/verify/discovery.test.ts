import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type Ask, ask } from '../../src/verify/ask.ts';
import { fetchKeys, metadataUrls } from '../../src/verify/discovery.ts';
import { ProviderError } from '../../src/verify/fetch.ts';
import type { KeySettings } from '../../src/verify/settings.ts';
import { issuerSettings } from '../support/issuers.ts';
import { type KeyServerBehaviour, type KeyServerOptions, makeKey, serveJwks } from '../support/keys.ts';

const KEY = makeKey('ES256', 'k1');
const SET = { keys: [KEY.jwk] };
const never = () => new AbortController().signal;

async function server(t: { teardown(end: () => unknown): void }, options?: KeyServerOptions) {
  const keyServer = await serveJwks([KEY], options);
  t.teardown(keyServer.close);
  return keyServer;
}

const keysOf = (issuer: string, keys: Partial<KeySettings> = {}, asking: Ask = ask) =>
  fetchKeys(issuerSettings({ issuer }, keys), asking, never());

test('keys are found by OpenID Connect Discovery', async (t) => {
  const { issuer, url, requests } = await server(t);
  t.deepEqual(await keysOf(issuer), { document: SET, tokenEndpoint: `${url}/token` });
  t.deepEqual(requests, { discovery: 1, jwks: 1 });
});

test('keys are found by RFC 8414 where there is no OpenID Connect Discovery', async (t) => {
  const { issuer, url } = await server(t, { discovery: 'rfc8414' });
  t.deepEqual(await keysOf(issuer), { document: SET, tokenEndpoint: `${url}/token` });
});

test('where neither is, both are told', async (t) => {
  const { issuer } = await server(t, { discovery: 'none' });
  await t.throwsAsync(keysOf(issuer), {
    instanceOf: ProviderError,
    message: `${issuer}/.well-known/openid-configuration answered 404; ${issuer}/.well-known/oauth-authorization-server answered 404`,
  });
});

test('metadata that speaks for another issuer is not believed, and its keys are not asked for', async (t) => {
  const { url, requests } = await server(t, { issuer: 'https://evil.example.com' });
  await t.throwsAsync(keysOf(url), {
    instanceOf: ProviderError,
    message: /names another issuer: "https:\/\/evil\.example\.com" instead of "http:\/\/127/,
  });
  t.is(requests.jwks, 0);
});

test('a slash at the end makes another issuer', async (t) => {
  const { url, requests } = await server(t);
  await t.throwsAsync(keysOf(`${url}/`), { message: /names another issuer/ });
  t.is(requests.jwks, 0);
});

const ADDRESSES = [
  [
    'https://a.example',
    'https://a.example/.well-known/openid-configuration',
    'https://a.example/.well-known/oauth-authorization-server',
  ],
  [
    'https://a.example/',
    'https://a.example/.well-known/openid-configuration',
    'https://a.example/.well-known/oauth-authorization-server',
  ],
  [
    'https://a.example/tenants/7',
    'https://a.example/tenants/7/.well-known/openid-configuration',
    'https://a.example/.well-known/oauth-authorization-server/tenants/7',
  ],
] as const;

for (const [issuer, ...urls] of ADDRESSES) {
  test(`the metadata of ${issuer} is looked for where both standards say`, (t) => {
    t.deepEqual(metadataUrls(issuer), urls);
  });
}

const FAILURES: readonly (readonly [behaviour: KeyServerBehaviour, message: RegExp])[] = [
  ['error', /\/jwks answered 500$/],
  ['redirect', /\/jwks answered 302$/],
  ['html', /\/jwks did not answer JSON$/],
  ['bad-json', /\/jwks did not answer JSON$/],
  ['huge', /\/jwks answered more than 524288 bytes$/],
  ['reset', /\/jwks could not be fetched: ECONNRESET$/],
  ['refuse', /\/jwks could not be fetched: ECONNREFUSED$/],
  ['hang', /\/jwks did not answer within 100 ms$/],
];

for (const [behaviour, message] of FAILURES) {
  test(`a key server whose answer is ${behaviour} is an outage that is told`, async (t) => {
    const { issuer, jwksUri, behave } = await server(t);
    await behave(behaviour);
    const timeout = behaviour === 'hang' ? 100 : 5000;
    await t.throwsAsync(keysOf(issuer, { source: { kind: 'url', url: jwksUri }, timeout }), {
      instanceOf: ProviderError,
      message,
    });
  });

  test(`discovery whose answer is ${behaviour} is an outage, and no keys are asked for`, async (t) => {
    const { issuer, behave, requests } = await server(t);
    await behave(behaviour, behaviour === 'refuse' ? undefined : 'discovery');
    await t.throwsAsync(keysOf(issuer, { timeout: behaviour === 'hang' ? 100 : 5000 }), { instanceOf: ProviderError });
    t.is(requests.jwks, 0);
  });
}

test('a redirect is not followed, so that the answerer does not choose whose keys we believe', async (t) => {
  const { jwksUri, behave } = await server(t);
  await behave('redirect', 'jwks');
  const asked: string[] = [];
  const spying: Ask = (url, question) => {
    asked.push(String(url));
    return ask(url, question);
  };
  await t.throwsAsync(keysOf('https://a.example', { source: { kind: 'url', url: jwksUri } }, spying));
  t.deepEqual(asked, [jwksUri]);
});

for (const [title, issuer] of [
  ['without an issuer', undefined],
  ['whose issuer is null', null],
  ['whose issuer is a list', ['https://a.example']],
  ['whose issuer is empty', ''],
] as const) {
  test(`metadata ${title} speaks for nobody, and leads to no keys`, async (t) => {
    const asked: string[] = [];
    const fake: Ask = async (url) => {
      asked.push(url);
      return Response.json(url.endsWith('/jwks') ? SET : { issuer, jwks_uri: 'https://a.example/jwks' });
    };
    const names = { instanceOf: ProviderError, message: /names another issuer/ };
    await t.throwsAsync(keysOf('https://a.example', {}, fake), names);
    t.deepEqual(asked, [...metadataUrls('https://a.example')]);
  });
}

test('keys are asked for as JSON, as a JWK Set, and as whatever else there is', async (t) => {
  const accepted = new Set<string | undefined>();
  const fake: Ask = async (url, { headers }) => {
    accepted.add(headers?.accept);
    return Response.json(
      url.endsWith('/jwks') ? SET : { issuer: 'https://a.example', jwks_uri: 'https://a.example/jwks' },
    );
  };
  await keysOf('https://a.example', {}, fake);
  t.deepEqual([...accepted], ['application/json, application/jwk-set+json, */*;q=0.1']);
});

for (const [title, metadata, message] of [
  ['without jwks_uri', {}, /has no jwks_uri/],
  ['whose jwks_uri is no text', { jwks_uri: 7 }, /has no jwks_uri/],
  [
    'whose jwks_uri is plain http',
    { jwks_uri: 'http://a.example/jwks' },
    /http:\/\/a\.example\/jwks is not https, and `allowHttp` is not set/,
  ],
  ['whose jwks_uri is a file', { jwks_uri: 'file:///etc/passwd' }, /is not https/],
  ['whose jwks_uri is no address', { jwks_uri: '/jwks' }, /is not https/],
] as const) {
  test(`metadata ${title} leads to no keys`, async (t) => {
    const asked: string[] = [];
    const fake: Ask = async (url) => {
      asked.push(String(url));
      return Response.json({ issuer: 'https://a.example', ...metadata });
    };
    await t.throwsAsync(keysOf('https://a.example', {}, fake), { instanceOf: ProviderError, message });
    t.true(asked.every((url) => url.startsWith('https://a.example/.well-known/')));
  });
}

test('an issuer over plain http is not asked at all, unless that is allowed', async (t) => {
  const asked: string[] = [];
  const fake: Ask = async (url) => {
    asked.push(String(url));
    return Response.json({ issuer: 'http://a.example', jwks_uri: 'http://a.example/jwks', ...SET });
  };
  await t.throwsAsync(keysOf('http://a.example', {}, fake), { instanceOf: ProviderError, message: /is not https/ });
  t.deepEqual(asked, []);
  t.like(await keysOf('http://a.example', { allowHttp: true }, fake), { document: SET });
});

test('keys come out of a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'jwks.json');
  await t.throwsAsync(keysOf('a', { source: { kind: 'file', path } }), {
    instanceOf: ProviderError,
    message: `${path} cannot be read: ENOENT`,
  });
  await writeFile(path, '{');
  await t.throwsAsync(keysOf('a', { source: { kind: 'file', path } }), {
    instanceOf: ProviderError,
    message: `${path} is not JSON`,
  });
  await writeFile(path, JSON.stringify(SET));
  t.deepEqual(await keysOf('a', { source: { kind: 'file', path } }), { document: SET });
  await writeFile(path, `\ufeff${JSON.stringify(SET)}`);
  t.deepEqual(await keysOf('a', { source: { kind: 'file', path } }), { document: SET });
});

test('keys stand in the settings themselves', async (t) => {
  t.deepEqual(await keysOf('a', { source: { kind: 'inline', keys: [KEY.jwk] } }), { document: SET });
});
