import { SYMMETRIC_ALGORITHMS } from '../verify/algorithms.ts';
import { mayFetch } from '../verify/fetch.ts';
import { errorAt, type Path } from './problem.ts';
import { type Judgement, judge } from './scene.ts';
import type { IssuerEntry } from './schema.ts';

/** What is wrong with an issuer although each of its values is well formed. */
export function issuerRules(name: string, issuer: IssuerEntry): Judgement[] {
  return [...addressRules(name, issuer), ...algorithmRules(name, issuer)];
}

function addressRules(name: string, { issuer, keys }: IssuerEntry): Judgement[] {
  const own: Path = ['issuers', name, 'issuer'];
  const source: Path = ['issuers', name, 'keys'];
  const address = keys.url ?? issuer;
  const place = keys.url === undefined ? own : [...source, 'url'];
  if (keys.file !== undefined || keys.inline !== undefined) return [];
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) {
    const message = 'discovery needs an issuer that is an https:// address';
    return [
      judge(errorAt(place, 'no-discovery', message, 'say where the keys are: `keys: { url: … }`'), place, source),
    ];
  }
  if (mayFetch(address, keys.allowHttp)) return [];
  const message = 'keys that come over http:// can be replaced on their way';
  const hint = 'use https://, or say `keys: { allowHttp: true }`';
  return [judge(errorAt(place, 'insecure-url', message, hint), place, source)];
}

function algorithmRules(name: string, { algorithms }: IssuerEntry): Judgement[] {
  const path: Path = ['issuers', name, 'algorithms'];
  return algorithms.flatMap((algorithm, index) => {
    if (!SYMMETRIC_ALGORITHMS.some((symmetric) => symmetric === algorithm)) return [];
    const place = [...path, index];
    const hint = 'name algorithms with public keys, such as RS256 or ES256';
    const finding = errorAt(
      place,
      'no-shared-secret',
      'HS* needs a shared secret, which this issuer has none of',
      hint,
    );
    return [judge(finding, place, ['issuers', name, 'keys', 'secret'])];
  });
}
