import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { startDemoServer } from '../cli/demo/loopback.ts';
import { signingKey, signToken } from '../cli/demo/signing.ts';
import type { TestIssuer } from './api.ts';

export type { TestIssuer } from './api.ts';

/**
 * Starts an issuer for tests on 127.0.0.1: discovery (OpenID Connect and RFC 8414), its key set, and tokens made to order. Port 0,
 * the default, takes a free one. Rejects when the port is taken.
 */
export async function startIssuer({ port = 0 }: { readonly port?: number } = {}): Promise<TestIssuer> {
  const key = signingKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const server = await startDemoServer(port, (taken) => {
    const issuer = `http://127.0.0.1:${taken}`;
    const metadata = () => ({ status: 200, json: { issuer, jwks_uri: `${issuer}/jwks`, ...REQUIRED } });
    return {
      '/.well-known/openid-configuration': { GET: metadata },
      '/.well-known/oauth-authorization-server': { GET: metadata },
      '/jwks': { GET: () => ({ status: 200, json: { keys: [key.publicJwk] } }) },
    };
  });
  return {
    url: server.url,
    token: async (claims = {}) => signToken(key, { ...usual(server.url), ...claims }),
    close: () => server.close(),
  };
}

/** What OpenID Connect Discovery §3 requires beside. */
const REQUIRED = {
  response_types_supported: [],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
};

function usual(issuer: string): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return { iss: issuer, sub: 'test', client_id: 'test', iat: now, exp: now + 3600, jti: randomUUID() };
}
