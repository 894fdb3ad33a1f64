import test from 'ava';
import { CODES, rowOf } from '../../src/errors/catalogue.ts';
import type { Fault } from '../../src/errors/fault.ts';
import { ERRORS_PATH, type ErrorStyle, errorUrl, fillIssuers, replyFor } from '../../src/errors/problem.ts';
import { parseChallenge } from '../support/challenge.ts';
import { headersOf } from '../support/replies.ts';

const FORMATS = ['problem', 'oauth', 'text'] as const;
const DETAILS = ['minimal', 'client'] as const;
const PUBLIC_URLS = [undefined, 'https://api.example.com', 'https://example.com/api'] as const;
const STYLES: readonly ErrorStyle[] = FORMATS.flatMap((format) =>
  DETAILS.flatMap((detail) => PUBLIC_URLS.map((publicUrl) => ({ format, detail, publicUrl }))),
);
const REQUEST = {
  requestId: '01JDB6WJ8Z0000000000000000',
  issuers: ['https://login.example.com'],
  host: 'api.example.com',
  prefix: '/orders',
};
const TYPES = { problem: 'application/problem+json', oauth: 'application/json', text: 'text/plain; charset=utf-8' };

for (const code of CODES) {
  test(`the reply to ${code} is well formed in every style`, (t) => {
    const row = rowOf(code);
    for (const style of STYLES) {
      const reply = replyFor({ ...REQUEST, fault: { code, detail: 'It is so: “exactly”.' } }, style);
      const headers = headersOf(reply);
      t.is(reply.status, row.status);
      t.is(headers['content-type'], TYPES[style.format]);
      t.is(headers['content-length'], String(Buffer.byteLength(reply.body)));
      t.is(headers['cache-control'], 'no-store');
      t.is(headers['x-request-id'], REQUEST.requestId);
      t.is(headers['retry-after'], row.status === 503 ? '1' : undefined);
      t.is(headers.connection, code === 'gateway.draining' ? 'close' : undefined);
      t.is('www-authenticate' in headers, row.challenge !== 'none');
      if (row.challenge !== 'none') t.is(parseChallenge(headers['www-authenticate'] ?? '').scheme, 'Bearer');
      t.true(reply.body.endsWith('\n'));
      if (style.format === 'problem') {
        const problem = JSON.parse(reply.body) as Record<string, unknown>;
        t.like(problem, { status: row.status, title: row.title, code, instance: `urn:request:${REQUEST.requestId}` });
        t.is(problem.type, `${style.publicUrl ?? ''}${ERRORS_PATH}/${code}`);
        t.is('detail' in problem, style.detail === 'client');
        t.is('fix' in problem, style.detail === 'client');
      }
    }
  });

  test(`the cause of ${code} stays inside`, (t) => {
    for (const style of STYLES) {
      const fault: Fault = { code, detail: 'Known to all.', cause: causeFullOfSecrets() };
      t.notRegex(JSON.stringify(replyFor({ ...REQUEST, fault }, style)), /S3CRET/i);
      t.notRegex(JSON.stringify(replyFor({ ...REQUEST, fault: { code, cause: 'S3CRET' } }, style)), /S3CRET/i);
    }
  });
}

/** Whatever of it a careless reply might print: message, stack, cause, properties, JSON. */
function causeFullOfSecrets(): Error {
  const inner = Object.assign(new TypeError('S3CRET inner'), { code: 'S3CRET_CODE' });
  const cause = new Error('S3CRET message', { cause: inner });
  return Object.assign(cause, {
    detail: 'S3CRET detail',
    members: { secret: 'S3CRET' },
    toJSON: () => ({ token: 'S3CRET' }),
    toString: () => 'S3CRET',
  });
}

const EXPIRED: Fault = {
  code: 'token.expired',
  detail: 'It expired 2 h 14 min ago, at 2026-11-22T10:00:00Z.',
  members: { expiredAt: '2026-11-22T10:00:00Z' },
};
const FIX = "Request a new token from https://login.example.com and send it as 'Authorization: Bearer <token>'.";
const PROBLEM = {
  type: '/.well-known/bearergate/errors/token.expired',
  title: 'The token has expired',
  status: 401,
  code: 'token.expired',
  instance: `urn:request:${REQUEST.requestId}`,
};

/** One fault in three formats and two levels of detail, side by side. */
const SIDE_BY_SIDE = {
  problem: {
    minimal: PROBLEM,
    client: { ...PROBLEM, detail: EXPIRED.detail, fix: FIX, expiredAt: '2026-11-22T10:00:00Z' },
  },
  oauth: {
    minimal: { error: 'invalid_token', error_description: 'The token has expired.', code: 'token.expired' },
    client: { error: 'invalid_token', error_description: EXPIRED.detail, code: 'token.expired' },
  },
  text: {
    minimal: `401 The token has expired (token.expired)\nRequest id: ${REQUEST.requestId}\n`,
    client: `401 The token has expired (token.expired)\n${EXPIRED.detail}\n${FIX}\nRequest id: ${REQUEST.requestId}\n`,
  },
};

for (const format of FORMATS) {
  for (const detail of DETAILS) {
    test(`an expired token is told in the format ${format} with the detail ${detail}`, (t) => {
      const reply = replyFor({ ...REQUEST, fault: EXPIRED }, { format, detail, publicUrl: undefined });
      const expected = SIDE_BY_SIDE[format][detail];
      t.deepEqual(format === 'text' ? reply.body : JSON.parse(reply.body), expected);
      t.deepEqual(parseChallenge(headersOf(reply)['www-authenticate'] ?? ''), {
        scheme: 'Bearer',
        parameters: {
          error: 'invalid_token',
          error_description: detail === 'client' ? (EXPIRED.detail ?? '') : 'The token has expired.',
        },
      });
    });
  }
}

const OAUTH_WORDS = [
  ['token.missing', 'invalid_token'],
  ['token.scheme', 'invalid_token'],
  ['token.request', 'invalid_request'],
  ['token.signature', 'invalid_token'],
  ['authorise.scope', 'insufficient_scope'],
  ['route.not-found', 'invalid_request'],
  ['verify.keys-unavailable', 'temporarily_unavailable'],
  ['forward.unreachable', 'server_error'],
  ['gateway.internal', 'server_error'],
] as const;

for (const [code, word] of OAUTH_WORDS) {
  test(`${code} is ${word} in OAuth's words`, (t) => {
    const reply = replyFor(
      { ...REQUEST, fault: { code } },
      { format: 'oauth', detail: 'client', publicUrl: undefined },
    );
    t.is((JSON.parse(reply.body) as { error: string }).error, word);
  });
}

const STYLE: ErrorStyle = { format: 'problem', detail: 'client', publicUrl: undefined };

test('a 405 names the methods that would do', (t) => {
  const reply = replyFor({ ...REQUEST, fault: { code: 'route.method', allow: ['GET', 'HEAD'] } }, STYLE);
  t.is(headersOf(reply).allow, 'GET, HEAD');
});

test('a 503 says when to come back', (t) => {
  const reply = replyFor({ ...REQUEST, fault: { code: 'verify.keys-unavailable', retryAfter: 5 } }, STYLE);
  t.is(headersOf(reply)['retry-after'], '5');
});

test('a connection that cannot be used any more is announced to close', (t) => {
  t.is(headersOf(replyFor({ ...REQUEST, fault: { code: 'request.invalid', close: true } }, STYLE)).connection, 'close');
});

test("a fault's own fix goes over the catalogue's, and names the issuers too", (t) => {
  const fault: Fault = { code: 'token.type', fix: 'Ask {issuers}.' };
  const body = JSON.parse(replyFor({ ...REQUEST, fault }, STYLE).body) as { fix: string };
  t.is(body.fix, 'Ask https://login.example.com.');
});

test('where the issuers are not known, a fix speaks of the issuer of this API', (t) => {
  t.is(fillIssuers('Ask {issuers}.', []), 'Ask the issuer of this API.');
  t.is(fillIssuers('Ask {issuers}.', ['https://a', 'https://b']), 'Ask https://a or https://b.');
  t.is(fillIssuers('Ask {issuers}.', ['$& $1 $`']), 'Ask $& $1 $`.');
});

test('members of a fault stand beside those that every problem has', (t) => {
  for (const code of CODES) {
    const reply = replyFor({ ...REQUEST, fault: { code, members: { extra: ['a'] } } }, STYLE);
    t.like(JSON.parse(reply.body), { code, status: rowOf(code).status, extra: ['a'] });
  }
});

test('links are absolute when it is known how clients reach us', (t) => {
  t.is(errorUrl(STYLE, 'token.missing'), '/.well-known/bearergate/errors/token.missing');
  t.is(
    errorUrl({ ...STYLE, publicUrl: 'https://example.com/api' }, 'token.missing'),
    'https://example.com/api/.well-known/bearergate/errors/token.missing',
  );
});

const METADATA = '/.well-known/oauth-protected-resource';
for (const [publicUrl, prefix, expected] of [
  ['https://api.example.com', '', `https://api.example.com${METADATA}`],
  ['https://api.example.com', '/orders', `https://api.example.com${METADATA}/orders`],
  ['https://example.com/api', '', `https://example.com${METADATA}/api`],
  ['https://example.com/api', '/orders', `https://example.com${METADATA}/api/orders`],
  ['https://example.com/api', '/api/orders', `https://example.com${METADATA}/api/orders`],
  ['https://example.com/api', '/apis', `https://example.com${METADATA}/api/apis`],
] as const) {
  test(`a challenge of ${publicUrl} links the RFC 9728 metadata of ${prefix || 'all'}`, (t) => {
    const reply = replyFor({ ...REQUEST, prefix, fault: { code: 'token.missing' } }, { ...STYLE, publicUrl });
    t.deepEqual(parseChallenge(headersOf(reply)['www-authenticate'] ?? ''), {
      scheme: 'Bearer',
      parameters: { resource_metadata: expected },
    });
  });
}

test('a hostile detail stays inside its JSON string and never becomes a header', (t) => {
  const detail = '"}\r\nX-Evil: 1\r\n\r\n{"admin":true, é 漢 \u2028 \ud800';
  const reply = replyFor({ ...REQUEST, fault: { code: 'token.audience', detail } }, STYLE);
  const problem = JSON.parse(reply.body) as Record<string, unknown>;
  t.is(problem.detail, detail);
  t.false('admin' in problem);
  const headers = headersOf(reply);
  t.false('x-evil' in headers);
  t.is(headers['content-length'], String(Buffer.from(reply.body).length));
});
