import { isTheGateways } from '../request/fields.ts';
import { foldName } from '../request/fold.ts';
import { type Draft, isDamagedSection } from './draft.ts';
import { errorAt, type Path } from './problem.ts';
import { type Judgement, judge, type Scene } from './scene.ts';
import type { GuardEntry } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** What is wrong with a guard by itself; whether it names an issuer at all is for the route to say. */
export function guardRules(guard: GuardEntry, path: Path, { draft, shown, isSecret }: Scene): Judgement[] {
  const unknown = (guard.issuers ?? []).flatMap((name, index) => {
    if (draft.issuers.has(name) || isDamagedSection(draft, 'issuers')) return [];
    const place = [...path, 'issuers', index];
    const hint = isSecret(place) ? undefined : didYouMean(name, draft.issuers.keys());
    return [judge(errorAt(place, 'unknown-issuer', `there is no issuer \`${shown(place, name)}\``, hint))];
  });
  return [...unknown, ...opaqueRules(guard, path, draft), ...placeRules(guard, [...path, 'tokenFrom'])];
}

/** An opaque token does not say whose it is, and trying every issuer would show each one the others' tokens. */
function opaqueRules({ issuers = [] }: GuardEntry, path: Path, draft: Draft): Judgement[] {
  const opaque = [...issuers.keys()].filter((index) => {
    const name = issuers[index] as string;
    return draft.issuers.get(name)?.introspection && issuers.indexOf(name) === index;
  });
  return opaque.slice(1).map((index) => {
    const place = [...path, 'issuers', index];
    const message = 'only one issuer of a route can have `introspection`: an opaque token does not say whose it is';
    return judge(errorAt(place, 'two-opaque-issuers', message), place, ['issuers', issuers[index] as string]);
  });
}

function placeRules({ tokenFrom = [] }: GuardEntry, path: Path): Judgement[] {
  const seen = new Map<string, string>();
  return tokenFrom.flatMap((place, index) => {
    const name = place.kind === 'authorization' ? 'authorization' : place.name;
    // Names that a server reads as one: a token under the one is a variant of the other, and refused.
    const key = `${place.kind === 'authorization' ? 'header' : place.kind} ${foldName(name)}`;
    const item = [...path, index];
    if (place.kind === 'header' && place.name === 'authorization') {
      const message = 'the Authorization header is the place `authorization`: its token stands behind `Bearer`';
      return [judge(errorAt(item, 'bad-value', message, 'write `authorization`'))];
    }
    if (place.kind === 'header' && place.name === 'cookie') {
      const message = 'the Cookie header never holds a token alone';
      return [judge(errorAt(item, 'bad-value', message, 'name the cookie: `{ cookie: name }`'))];
    }
    if (place.kind === 'header' && isTheGateways(place.name)) {
      const message = 'this header is one that the gateway reads itself, and its value may be logged or sent on';
      return [judge(errorAt(item, 'managed-header', message, 'name a header of its own, such as X-Access-Token'))];
    }
    const earlier = seen.get(key);
    seen.set(key, earlier ?? name);
    if (earlier === undefined) return [];
    const message =
      earlier === name
        ? 'this place is named already; looked at twice, it would show two tokens'
        : 'servers may read this name as that of another place: a token under either would be refused';
    return [judge(errorAt(item, 'duplicate-place', message))];
  });
}
