import { credentialRules, repeatedNames } from './header-rules.ts';
import { missing } from './issues.ts';
import { errorAt, type Path } from './problem.ts';
import { type Judgement, judge, type Scene } from './scene.ts';
import type { UpstreamEntry } from './schema.ts';
import { tlsRules } from './tls-rules.ts';

/** What is wrong with an upstream although each of its values is well formed. */
export function upstreamRules(name: string, upstream: UpstreamEntry, scene: Scene): Judgement[] {
  const path: Path = ['upstreams', name];
  return [
    ...addressRules(upstream, path, scene),
    ...credentialRules(upstream.headers.set, [...path, 'headers', 'set']),
    ...repeatedNames(Object.keys(upstream.headers.set), [...path, 'headers', 'set']),
    ...(upstream.tls ? [...encryptedTargets(upstream, path), ...tlsRules(upstream.tls, [...path, 'tls'], scene)] : []),
  ];
}

function addressRules({ url, urls }: UpstreamEntry, path: Path, scene: Scene): Judgement[] {
  const one: Path = [...path, 'url'];
  const several: Path = [...path, 'urls'];
  if (url !== undefined && urls !== undefined) {
    const message = 'an upstream has `url` or `urls`, not both';
    return [judge(errorAt(several, 'url-and-urls', message, 'put all of them into `urls`', 'key'), one, several)];
  }
  if (urls === undefined) return url === undefined ? [judge(missing(one), one, several)] : [];
  return urls.flatMap((target, index) => {
    const first = urls.indexOf(target);
    if (first === index) return [];
    const place = [...several, index];
    const message = `this target stands here already, in ${scene.lineOf([...several, first], place)}`;
    return [judge(errorAt(place, 'duplicate-target', message, 'leave one of them away'), several)];
  });
}

/** Certificates do nothing for a target that is spoken to in the clear: whoever wrote them believes something else. */
function encryptedTargets({ url, urls }: UpstreamEntry, path: Path): Judgement[] {
  const targets = [
    ...(url === undefined ? [] : [{ target: url, place: [...path, 'url'] }]),
    ...(urls ?? []).map((target, index) => ({ target, place: [...path, 'urls', index] })),
  ];
  return targets.flatMap(({ target, place }) => {
    if (target.startsWith('https:')) return [];
    const message = '`tls` is about https:// targets, and this one is spoken to in the clear';
    const hint = 'write https://, or leave `tls` away';
    return [judge(errorAt(place, 'tls-without-https', message, hint), place, [...path, 'tls'])];
  });
}
