import { isDamaged } from './draft.ts';
import { guardRules } from './guard-rules.ts';
import { issuerRules } from './issuer-rules.ts';
import type { Finding } from './problem.ts';
import { routeRules } from './route-rules.ts';
import type { Scene } from './scene.ts';
import { upstreamRules } from './upstream-rules.ts';

/** What is wrong with a configuration although each of its values is well formed. */
export function brokenRules(scene: Scene): Finding[] {
  const { draft } = scene;
  const judgements = [
    ...[...draft.issuers].flatMap(([name, issuer]) => (issuer ? issuerRules(name, issuer) : [])),
    ...[...draft.upstreams].flatMap(([name, upstream]) => (upstream ? upstreamRules(name, upstream, scene) : [])),
    ...(draft.defaultAuth ? guardRules(draft.defaultAuth, ['defaults', 'auth'], scene) : []),
    ...routeRules(scene),
  ];
  return judgements.filter(({ from }) => !isDamaged(draft, from));
}
