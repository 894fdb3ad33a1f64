import test from 'ava';
import fc from 'fast-check';
import { parseChallenge } from '../support/challenge.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { accessClaims, makeKey, signToken } from '../support/keys.ts';

// What a token holds that its signature does not prove, and what a field holds that is no token, never comes back.

const STRANGER = makeKey('ES256', 'stranger');
/** In every text below, so that one look tells whether anything of it is in an answer. */
const MARK = 'q7Zk9';

const nasty = fc
  .array(
    fc.constantFrom(
      '"',
      '\\',
      '\t',
      '\x7f',
      '\xe9',
      '\u6f22',
      '\u202e',
      '\r\nX-Evil: 1',
      ',',
      '=',
      '<b>',
      '%0d%0a',
      '\u0000',
      'a',
    ),
    {
      maxLength: 8,
    },
  )
  .map((parts) => `${MARK}${parts.join('')}${MARK}`);

/** As bytes that node's parser lets through in a field. */
const fieldSafe = (text: string) =>
  Buffer.from(text.replace(/[\r\n\0]/g, ' '))
    .toString('latin1')
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, '');

test('a forged token full of quotes, controls and line breaks says nothing in any format', async (t) => {
  for (const format of ['problem', 'oauth', 'text']) {
    const { gateway } = await startBehind(t, { errors: { format }, tokenCache: { rejectedFor: '0s' } });
    const iss = gateway.keyServer.issuer;
    const property = fc.asyncProperty(
      nasty,
      nasty,
      fc.constantFrom('sub', 'scope', 'aud', 'iss', 'jti', 'typ', 'kid'),
      async (one, other, name) => {
        const over = ['typ', 'kid'].includes(name) ? {} : { [name]: one };
        const header = ['typ', 'kid'].includes(name)
          ? { [name]: one, ...(name === 'typ' ? { kid: gateway.key.kid } : {}) }
          : { kid: gateway.key.kid };
        const token = signToken(STRANGER, accessClaims({ iss, [`${other}`]: other, ...over }), header);
        await looksClean(t, gateway, [['Authorization', `Bearer ${token}`]]);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  }
});

test('a field that is no token is not repeated', async (t) => {
  const { gateway } = await startBehind(t);
  const shape = fc.constantFrom('Bearer ', 'Basic ', '', 'bearer\t', 'Bearer Bearer ', 'Bearer {"access_token":"');
  const property = fc.asyncProperty(shape, nasty, (before, text) =>
    looksClean(t, gateway, [['Authorization', fieldSafe(`${before}${text}`)]]),
  );
  await fc.assert(property, { numRuns: 150 });
});

async function looksClean(
  t: {
    regex(text: string, shape: RegExp): void;
    false(value: boolean, message?: string): void;
    true(value: boolean): void;
  },
  gateway: Awaited<ReturnType<typeof startBehind>>['gateway'],
  headers: readonly WireHeader[],
): Promise<void> {
  const answer = await gateway.ask(requestBytes({ headers }));
  t.true(answer.status === 401 || answer.status === 400);
  t.false(`${answer.head}${answer.body}`.includes(MARK), `${answer.head}\n${answer.body}`);
  t.regex(answer.body, /^[\x20-\x7e\n]*$/);
  const field = answer.header('www-authenticate');
  if (field !== undefined) parseChallenge(field);
}

test('what a signature has proved may be told, and still breaks no grammar', async (t) => {
  const { gateway } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: { scopes: ['a'] } }],
    errors: { format: 'problem' },
  });
  const property = fc.asyncProperty(nasty, fc.constantFrom('scope', 'aud'), async (text, name) => {
    const answer = await gateway.ask(requestBytes({ headers: [gateway.bearer({ [name]: text })] }));
    const { scheme, parameters } = parseChallenge(answer.header('www-authenticate') ?? '');
    t.is(scheme, 'Bearer');
    t.regex(parameters.error_description ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    t.is(answer.header('x-evil'), undefined);
    t.is((JSON.parse(Buffer.from(answer.body, 'latin1').toString()) as { status: number }).status, answer.status);
  });
  await fc.assert(property, { numRuns: 80 });
});
