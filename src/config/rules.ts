import { acknowledgeRules } from './acknowledge-rules.ts';
import { type Draft, isDamaged } from './draft.ts';
import { guardRules } from './guard-rules.ts';
import { issuerRules } from './issuer-rules.ts';
import { errorAt, type Finding, type Path } from './problem.ts';
import { routeRules } from './route-rules.ts';
import { type Judgement, judge, type Scene } from './scene.ts';
import { tlsRules } from './tls-rules.ts';
import { upstreamRules } from './upstream-rules.ts';
import { WHOLE_WARNINGS } from './warnings.ts';

/** What is wrong with a configuration although each of its values is well formed. */
export function brokenRules(scene: Scene): Finding[] {
  const { draft } = scene;
  const judgements = [
    ...[...draft.issuers].flatMap(([name, issuer]) => (issuer ? issuerRules(name, issuer) : [])),
    ...[...draft.upstreams].flatMap(([name, upstream]) => (upstream ? upstreamRules(name, upstream, scene) : [])),
    ...(draft.defaultAuth ? guardRules(draft.defaultAuth, ['defaults', 'auth'], scene) : []),
    ...addressRules(draft),
    ...(draft.listen?.tls ? tlsRules(draft.listen.tls, ['listen', 'tls'], scene) : []),
    ...routeRules(scene),
    ...acknowledgeRules(draft.acknowledge, ['acknowledge'], WHOLE_WARNINGS, scene),
  ];
  return judgements.filter(({ from }) => !isDamaged(draft, from));
}

/** Whatever the admin port answers must never be had where clients connect. */
function addressRules({ listen, admin }: Draft): Judgement[] {
  if (!listen || !admin || listen.port !== admin.port || admin.port === 0) return [];
  const anywhere = (host: string) => host === '0.0.0.0' || host === '::';
  if (listen.host !== admin.host && !anywhere(listen.host) && !anywhere(admin.host)) return [];
  const place: Path = ['admin', 'port'];
  const message = `\`listen\` takes port ${listen.port} already, on the same address`;
  const hint = 'give the admin port a number of its own';
  return [judge(errorAt(place, 'same-address', message, hint), ['listen'], ['admin'])];
}
