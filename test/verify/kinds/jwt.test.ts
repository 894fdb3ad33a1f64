import type { ExecutionContext } from 'ava';
import { RawToken } from '../../../src/token/raw-token.ts';
import { TokenCache } from '../../../src/verify/cache.ts';
import { CachedVerifier } from '../../../src/verify/cached.ts';
import { FakeClock } from '../../support/clock.ts';
import { inlineVerifier } from '../../support/issuers.ts';
import { vectorTest } from '../../support/vectors.ts';

interface RfcVectors {
  readonly vectors: readonly {
    readonly id: string;
    readonly key: Record<string, unknown> | null;
    readonly jws?: unknown;
  }[];
}

/** The claims of RFC 7515's examples: issued by joe, good until 2011-03-22, for no audience. */
const IN_TIME = new FakeClock(Date.UTC(2011, 2, 22));

async function answer(token: string, key: Record<string, unknown>): Promise<string> {
  const issuer = await inlineVerifier([{ jwk: key }], IN_TIME, { issuer: 'joe' });
  const cache = new TokenCache({ maxEntries: 10, maxAge: 1000, rejectedFor: 0 });
  const outcome = await new CachedVerifier([issuer], cache, IN_TIME.now).verify(new RawToken(token), IN_TIME.now());
  return outcome.ok ? 'accepted' : outcome.fault.code;
}

function find(
  t: ExecutionContext,
  { vectors }: RfcVectors,
  id: string,
): { token: string; key: Record<string, unknown> } {
  const vector = vectors.find((candidate) => candidate.id === id);
  if (vector === undefined) t.fail(`there is no vector ${id}`);
  return { token: String(vector?.jws), key: vector?.key ?? {} };
}

for (const id of ['RFC7515-A.2-RS256', 'RFC7515-A.3-ES256']) {
  vectorTest<RfcVectors>(
    `the signature of ${id} holds, and one that was changed does not`,
    'rfc/rfc_vectors.json',
    async (t, all) => {
      const { token, key } = find(t, all, id);
      // Its audience is judged only behind the signature, so this answer says that the signature held.
      t.is(await answer(token, key), 'token.audience');
      const [head, body, signature = ''] = token.split('.');
      const bytes = Buffer.from(signature, 'base64url');
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 1;
        t.is(await answer(`${head}.${body}.${changed.toString('base64url')}`, key), 'token.signature');
      }
    },
  );
}

vectorTest<RfcVectors>(
  'the unsecured token of RFC 7515 A.5 is refused for its algorithm',
  'rfc/rfc_vectors.json',
  async (t, all) => {
    const { key } = find(t, all, 'RFC7515-A.2-RS256');
    t.is(await answer(find(t, all, 'RFC7515-A.5-none').token, key), 'token.algorithm');
  },
);

vectorTest<RfcVectors>(
  'the shared secret of RFC 7515 A.1 proves nothing here',
  'rfc/rfc_vectors.json',
  async (t, all) => {
    const { key } = find(t, all, 'RFC7515-A.2-RS256');
    t.is(await answer(find(t, all, 'RFC7515-A.1-HS256').token, key), 'token.algorithm');
  },
);
