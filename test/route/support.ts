import fc from 'fast-check';
import { patternShape, readPattern } from '../../src/config/pattern.ts';
import type { Matchable } from '../../src/route/table.ts';

export interface TestRoute extends Matchable {
  readonly id: string;
}

/** `GET,POST api.example.com/orders/{id}`: methods and host may be left away. */
export function testRoute(text: string): TestRoute {
  const [, methods, host, source = ''] = /^(?:([A-Z,]+) )?([^/]*)(\/.*)$/.exec(text) ?? [];
  const path = readPattern(source);
  if (typeof path === 'string') throw new Error(`${text}: ${path}`);
  return { id: text, host: host || undefined, path, methods: methods?.split(',') };
}

const segment = fc.constantFrom('a', 'b', '{x}', '{x}', 'a%2Fb');
const pathText = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.constantFrom('', '', '**', '/'))
  .map(([segments, end]) => {
    const named = segments.map((text, index) => (text === '{x}' ? `{x${index}}` : text));
    if (end === '**') return `/${[...named, '**'].join('/')}`;
    return end === '/' && named.length > 0 ? `/${named.join('/')}/` : `/${named.join('/')}`;
  });
const hostText = fc.constantFrom('', '', 'a.com', 'b.a.com', '*.a.com', '*.b.a.com');
const methodText = fc.constantFrom('', '', 'GET ', 'POST ', 'GET,HEAD ');
const routeText = fc.tuple(methodText, hostText, pathText).map((parts) => parts.join(''));

/** As the loader does: no two routes that are equally specific and have a method in common. */
function withoutRivals(texts: readonly string[]): TestRoute[] {
  const kept: TestRoute[] = [];
  for (const candidate of texts.map(testRoute)) {
    const rivals = kept.filter(
      (other) => other.host === candidate.host && patternShape(other.path) === patternShape(candidate.path),
    );
    const meets = rivals.some(({ methods }) =>
      methods && candidate.methods
        ? methods.some((name) => candidate.methods?.includes(name))
        : methods === candidate.methods,
    );
    if (!meets) kept.push(candidate);
  }
  return kept;
}

/** Sets of routes that a loader would take. */
export const anyRoutes = fc.array(routeText, { minLength: 1, maxLength: 12 }).map(withoutRivals);

/** Requests that such routes may take. */
export const anyRequest = fc.record({
  host: fc.constantFrom('a.com', 'b.a.com', 'c.b.a.com', 'x.org'),
  path: fc
    .tuple(fc.array(fc.constantFrom('a', 'b', 'c', 'a%2Fb'), { maxLength: 4 }), fc.boolean())
    .map(([parts, slash]) => `/${parts.join('/')}${slash && parts.length > 0 ? '/' : ''}`),
  method: fc.constantFrom('GET', 'HEAD', 'POST'),
});
