import { isDamaged } from './draft.ts';
import { guardRules } from './guard-rules.ts';
import { repeatedNames } from './header-rules.ts';
import { issuerRules } from './issuer-rules.ts';
import { missing } from './issues.ts';
import type { Finding, Path } from './problem.ts';
import { routeRules } from './route-rules.ts';
import { type Judgement, judge, type Scene } from './scene.ts';
import type { UpstreamEntry } from './schema.ts';

/** What is wrong with a configuration although each of its values is well formed. */
export function brokenRules(scene: Scene): Finding[] {
  const { draft } = scene;
  const judgements = [
    ...[...draft.issuers].flatMap(([name, issuer]) => (issuer ? issuerRules(name, issuer) : [])),
    ...[...draft.upstreams].flatMap(([name, upstream]) => (upstream ? upstreamRules(name, upstream) : [])),
    ...(draft.defaultAuth ? guardRules(draft.defaultAuth, ['defaults', 'auth'], scene) : []),
    ...routeRules(scene),
  ];
  return judgements.filter(({ from }) => !isDamaged(draft, from));
}

function upstreamRules(name: string, { url, headers }: UpstreamEntry): Judgement[] {
  const path: Path = ['upstreams', name];
  const repeated = repeatedNames(Object.keys(headers.set), [...path, 'headers', 'set']);
  const address: Path = [...path, 'url'];
  return url === undefined ? [...repeated, judge(missing(address), address, [...path, 'urls'])] : repeated;
}
