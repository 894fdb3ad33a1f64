import { type Json, mapOf, oneLine, resolved } from './document.ts';

/** In doubt a token is asked for: a document that says nothing of security makes nothing public. */
export type ApiAccess =
  | { readonly kind: 'public' }
  | { readonly kind: 'token'; readonly scopes: readonly string[]; readonly any: boolean };

export interface ReadAccess {
  readonly access: ApiAccess;
  readonly notes: readonly string[];
  readonly flaw?: string;
}

const ANY_TOKEN: ApiAccess = { kind: 'token', scopes: [], any: false };

/** The security requirements of an operation, else those of the document. */
export function accessOf(operation: Json, root: Json): ReadAccess {
  const security = operation.security ?? root.security;
  if (security === undefined) return { access: ANY_TOKEN, notes: ['the document says nothing of who may call this'] };
  if (!Array.isArray(security)) return { access: ANY_TOKEN, notes: ["the document's `security` is no list"] };
  if (security.length === 0) return { access: { kind: 'public' }, notes: [] };
  const schemes = mapOf(mapOf(root.components).securitySchemes);
  const notes: string[] = [];
  const alternatives: string[][] = [];
  for (const requirement of security.map(mapOf)) {
    const entries = Object.entries(requirement);
    if (entries.length === 0) notes.push('the document lets callers without a token in too; here one is needed');
    const bearing = entries.filter(([name]) => isBearer(mapOf(resolved(root, schemes[name]))));
    for (const [name] of entries.filter((entry) => !bearing.includes(entry)))
      notes.push(`the document asks for \`${oneLine(name)}\`, which the gateway does not check`);
    if (bearing.length > 0)
      alternatives.push([
        ...new Set(bearing.flatMap(([, scopes]) => (Array.isArray(scopes) ? scopes.map(String) : []))),
      ]);
  }
  const access = oneOf(alternatives, notes);
  const bad =
    access.kind === 'token' ? access.scopes.find((scope) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)) : undefined;
  return { access, notes, ...(bad !== undefined && { flaw: 'it asks for a scope that no token can have' }) };
}

function isBearer({ type, scheme }: Json): boolean {
  return (
    type === 'oauth2' || type === 'openIdConnect' || (type === 'http' && String(scheme).toLowerCase() === 'bearer')
  );
}

/** What lets in whom one of the alternatives lets in, or less where a route cannot say that. */
function oneOf(alternatives: readonly (readonly string[])[], notes: string[]): ApiAccess {
  const [first, ...others] = alternatives;
  if (first === undefined || alternatives.some((scopes) => scopes.length === 0)) return ANY_TOKEN;
  if (others.length === 0) return { kind: 'token', scopes: first, any: false };
  const all = [...new Set(alternatives.flat())];
  if (alternatives.every((scopes) => scopes.length === 1)) return { kind: 'token', scopes: all, any: all.length > 1 };
  notes.push('the document has alternatives that a route cannot tell apart; here all of their scopes are needed');
  return { kind: 'token', scopes: all, any: false };
}

/** What lets in whom both let in. */
export function stricter(one: ApiAccess, other: ApiAccess): ApiAccess {
  if (one.kind === 'public') return other;
  if (other.kind === 'public') return one;
  return { kind: 'token', scopes: [...new Set([...one.scopes, ...other.scopes])], any: false };
}
