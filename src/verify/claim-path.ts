import type { JsonObject } from '../token/compact.ts';

/**
 * The value at a path into the claims, or undefined. A dot leads one object deeper, and a claim whose own name has
 * dots (`https://example.com/roles`) is found too, the longest name first. Inherited members are never seen.
 */
export function claimAt(claims: JsonObject, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const name = path.slice(0, dot);
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const found = claimAt(value as JsonObject, path.slice(dot + 1));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
