import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';

// Two spellings of one token: a list of revoked tokens, or a cache that goes by the text, knows the one and not the
// other (fast-jwt GHSA-rp9m-7r4c-75qg, Traefik CVE-2026-71326). jose takes padding, white space and spare bits at the
// end; nothing here does, also while the token itself is remembered.

function twinsOf(token: string): string[] {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  // 64 bytes leave four bits of the last character unused.
  const last = alphabet.indexOf(signature.at(-1) as string);
  const spare = Array.from({ length: 15 }, (_, index) => alphabet[(last & 48) | ((last + index + 1) & 15)]);
  return [
    `${token}=`,
    `${token}==`,
    `${header}=.${payload}.${signature}`,
    `${header}.${payload}==.${signature}`,
    `${token}.`,
    `.${token}`,
    `${token}A`,
    `${token}\tA`,
    `${token}%20`,
    `${header}.${payload}.${signature.replace(/[-_]/g, (character) => (character === '-' ? '+' : '/'))}+`,
    ...spare.map((character) => `${header}.${payload}.${signature.slice(0, -1)}${character}`),
  ];
}

test('a token has one spelling, remembered or not', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const ask = async (token: string) =>
    (await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }))).status;
  for (const remembered of [false, true]) {
    const token = gateway.token();
    if (remembered) t.is(await ask(token), 200);
    const arrived = upstream.requests.length;
    for (const twin of twinsOf(token)) t.true([400, 401].includes(await ask(twin)), JSON.stringify(twin.slice(-20)));
    t.is(upstream.requests.length, arrived);
    t.is(await ask(token), 200);
  }
});
