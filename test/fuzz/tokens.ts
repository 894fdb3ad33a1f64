import { accessClaims, compactToken, makeKey, signToken, type TestKey } from '../support/keys.ts';
import type { Random } from './random.ts';

/** What the upstream may learn of a token by its `jti`. */
export interface Issued {
  readonly sub: string;
  readonly admin: boolean;
  /** Whether the gateway may let it in anywhere. */
  readonly good: boolean;
}

/** The tokens of one run: good ones, and ones in which a single thing is wrong. */
export class Tokens {
  readonly issued = new Map<string, Issued>();
  readonly #good: string[] = [];
  readonly #bad: string[] = [];

  constructor(key: TestKey, issuer: string) {
    const other = makeKey('ES256', key.kid);
    const make = (good: boolean, claims: object, header = {}, signer = key) => {
      const jti = `jti-${this.issued.size}`;
      const admin = 'scope' in claims;
      const sub = `user-${this.issued.size}`;
      this.issued.set(jti, { sub, admin, good });
      const full = accessClaims({
        iss: issuer,
        sub,
        jti,
        ...claims,
        exp: Math.floor(Date.now() / 1000) + 7200,
        ...claims,
      });
      (good ? this.#good : this.#bad).push(signToken(signer, full, header));
    };
    for (let count = 0; count < 20; count += 1) make(true, count % 4 === 0 ? { scope: 'admin' } : {});
    const now = Math.floor(Date.now() / 1000);
    make(false, { exp: now - 3600 });
    make(false, { nbf: now + 3600 });
    make(false, { aud: 'other' });
    make(false, { iss: `${issuer}/` });
    make(false, { exp: undefined });
    make(false, {}, { typ: 'JWT', alg: 'none' });
    make(false, {}, { crit: ['x'] });
    make(false, { scope: 'admin' }, {}, other);
    const unsigned = accessClaims({ iss: issuer, sub: 'root', jti: 'jti-0' });
    this.#bad.push(compactToken('{"alg":"none"}', JSON.stringify(unsigned), () => Buffer.alloc(0)));
  }

  /** A token, good in most cases, and in some of them changed in a few characters. */
  some(random: Random): string {
    const token = random.pick(random.chance(0.7) ? this.#good : this.#bad);
    if (random.chance(0.75)) return token;
    const at = random.below(token.length);
    const changed = random.pick(['', '=', '.', 'A', '-', '_', '%', ' ', ',', 'é', '\t']);
    switch (random.below(4)) {
      case 0:
        return token.slice(0, at) + changed + token.slice(at + 1);
      case 1:
        return token.slice(0, at);
      case 2:
        return token + changed + (random.chance(0.3) ? 'x'.repeat(9000) : '');
      default: {
        const [header, payload, signature] = token.split('.');
        const [, payload2, signature2] = random.pick(this.#good).split('.');
        return random.chance(0.5) ? `${header}.${payload2}.${signature}` : `${header}.${payload}.${signature2}`;
      }
    }
  }
}
