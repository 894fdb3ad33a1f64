import { type Algorithm, SYMMETRIC_ALGORITHMS } from '../verify/algorithms.ts';
import { mayFetch } from '../verify/fetch.ts';
import { isServerAddress } from './address.ts';
import { errorAt, type Path } from './problem.ts';
import { type Judgement, judge } from './scene.ts';
import type { IssuerEntry } from './schema.ts';

/** What is wrong with an issuer although each of its values is well formed. */
export function issuerRules(name: string, issuer: IssuerEntry): Judgement[] {
  return [...sourceRules(name, issuer), ...addressRules(name, issuer), ...algorithmRules(name, issuer)];
}

function addressRules(name: string, { issuer, keys, introspection }: IssuerEntry): Judgement[] {
  const own: Path = ['issuers', name, 'issuer'];
  if (introspection) {
    const place: Path = ['issuers', name, 'introspection', 'url'];
    const message = 'tokens that go over http:// can be read on their way';
    return mayFetch(introspection.url, introspection.allowHttp) ? [] : [insecure(place, message, 'introspection')];
  }
  const source: Path = ['issuers', name, 'keys'];
  const address = keys.url ?? issuer;
  const place = keys.url === undefined ? own : [...source, 'url'];
  if (keys.file !== undefined || keys.inline !== undefined || keys.secret !== undefined) return [];
  // RFC 8414 §2: an identifier with a query or fragment has no address for its metadata.
  const isPlain = keys.url !== undefined || !/[?#]/.test(address);
  if (!isServerAddress(address) || !isPlain) {
    const message = 'discovery needs an issuer that is an https:// address without a query';
    return [
      judge(errorAt(place, 'no-discovery', message, 'say where the keys are: `keys: { url: … }`'), place, source),
    ];
  }
  const message = 'keys that come over http:// can be replaced on their way';
  return mayFetch(address, keys.allowHttp) ? [] : [insecure(place, message, 'keys', source)];
}

function insecure(place: Path, message: string, section: string, ...from: Path[]): Judgement {
  const hint = `use https://, or say \`${section}: { allowHttp: true }\``;
  return judge(errorAt(place, 'insecure-url', message, hint), place, ...from);
}

/** Keys and introspection are two ways to check a token: an issuer has one, so that nobody wonders which it was. */
function sourceRules(name: string, { introspection, saidForJwt }: IssuerEntry): Judgement[] {
  if (!introspection) return [];
  return saidForJwt.map((key) => {
    const place: Path = ['issuers', name, key];
    const message =
      key === 'keys'
        ? 'an issuer is verified by keys or by introspection, not by both'
        : `\`${key}\` is about signed tokens, and does nothing beside \`introspection\``;
    const hint = key === 'keys' ? 'make two issuers of it when it gives out both kinds of tokens' : 'leave it away';
    return judge(errorAt(place, 'keys-and-introspection', message, hint, 'key'), place, [
      'issuers',
      name,
      'introspection',
    ]);
  });
}

const isSymmetric = (algorithm: Algorithm) => SYMMETRIC_ALGORITHMS.some((symmetric) => symmetric === algorithm);

/** Public keys with HMAC are how a published key becomes a password (RFC 8725 §2.1), so the two never meet in one issuer. */
function algorithmRules(name: string, { algorithms, keys }: IssuerEntry): Judgement[] {
  const path: Path = ['issuers', name, 'algorithms'];
  const secret: Path = ['issuers', name, 'keys', 'secret'];
  if (keys.secret === undefined) {
    return algorithms.flatMap((algorithm, index) => {
      if (!isSymmetric(algorithm)) return [];
      const place = [...path, index];
      const hint = 'name algorithms with public keys, such as RS256 or ES256';
      const message = 'HS* needs a shared secret, which this issuer has none of';
      return [judge(errorAt(place, 'no-shared-secret', message, hint), place, secret)];
    });
  }
  if (algorithms.every((algorithm) => !isSymmetric(algorithm))) {
    const message = 'a shared secret is for HS* algorithms, and none is named';
    const finding = errorAt(secret, 'secret-without-algorithm', message, 'say `algorithms: [HS256]`');
    return [judge({ ...finding, masked: true }, secret, path)];
  }
  const mixed = algorithms.findIndex((algorithm) => !isSymmetric(algorithm));
  if (mixed !== -1) {
    const place = [...path, mixed];
    const message = 'a shared secret is for HS* algorithms alone';
    return [judge(errorAt(place, 'mixed-algorithms', message, 'make two issuers of it'), place, secret)];
  }
  return secretLengthRule(secret, path, keys.secret, algorithms);
}

/** RFC 7518 §3.2: the key has at least the size of the hash, or it can be guessed offline from one token. */
function secretLengthRule(secret: Path, path: Path, text: string, algorithms: readonly Algorithm[]): Judgement[] {
  const needed = Math.max(...algorithms.map((algorithm) => Number(algorithm.slice(2)) / 8));
  if (Buffer.byteLength(text) >= needed) return [];
  const message = `the secret is too short for these algorithms: ${needed} bytes are needed`;
  const hint = 'make one with: openssl rand -base64 48';
  return [judge({ ...errorAt(secret, 'short-secret', message, hint), masked: true }, secret, path)];
}
