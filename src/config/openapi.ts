import { parse } from 'yaml';
import { type PathPattern, patternShape, readPattern } from './pattern.ts';

/** What of an OpenAPI 3 document is about access. */
export interface ApiOutline {
  /** Of the first server; undefined where it has no host. */
  readonly upstream: string | undefined;
  /** Where OpenID Connect Discovery leads to, if a security scheme says so. */
  readonly issuer: string | undefined;
  readonly routes: readonly ApiRoute[];
  /** What has no route, and why. */
  readonly leftOut: readonly string[];
}

export interface ApiRoute {
  readonly id: string;
  readonly path: string;
  readonly methods: readonly string[];
  readonly access: ApiAccess;
  /** What a reader should know: the document's summary, and where it said more than a route can. */
  readonly notes: readonly string[];
}

/** In doubt a token is asked for: a document that says nothing of security makes nothing public. */
export type ApiAccess =
  | { readonly kind: 'public' }
  | { readonly kind: 'token'; readonly scopes: readonly string[]; readonly any: boolean };

type Json = Readonly<Record<string, unknown>>;

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'];

/** Reads an OpenAPI 3 document in YAML or JSON. Answers what is wrong with it as text. */
export function readOpenApi(text: string): ApiOutline | string {
  let root: unknown;
  try {
    root = parse(text, { maxAliasCount: 1000 });
  } catch (error) {
    return `is neither YAML nor JSON: ${(error as Error).message.split('\n', 1)[0]}`;
  }
  if (!isMap(root)) return 'is no OpenAPI document';
  if (typeof root.swagger === 'string') return `is Swagger ${root.swagger}; OpenAPI 3 is needed`;
  if (!String(root.openapi ?? '').startsWith('3.')) return 'is no OpenAPI 3 document: it does not say `openapi: 3…`';
  const { origin, prefix } = serverOf(root);
  const routes = new Routes();
  const leftOut: string[] = [];
  for (const [template, item] of Object.entries(mapOf(root.paths))) {
    const path = pathOf(prefix, template);
    const operations = mapOf(resolved(root, item));
    if (typeof path === 'string') leftOut.push(`${template}: ${path}`);
    else if (Object.keys(operations).length === 0)
      leftOut.push(`${template}: it has no operations, or they stand in another file`);
    else leftOut.push(...addOperations(template, path, operations, root, routes));
  }
  return { upstream: origin, issuer: discoveredIssuer(root), routes: routes.all(), leftOut };
}

function addOperations(template: string, path: ReadPath, operations: Json, root: Json, routes: Routes): string[] {
  const leftOut = operations.trace ? [`TRACE ${template}: the gateway refuses TRACE everywhere`] : [];
  for (const method of METHODS) {
    const operation = operations[method];
    if (!isMap(operation)) continue;
    const { access, notes, flaw } = accessOf(operation, root);
    if (flaw !== undefined) leftOut.push(`${method.toUpperCase()} ${template}: ${flaw}`);
    else
      routes.add({
        path: path.pattern,
        method: method.toUpperCase(),
        access,
        name: String(operation.operationId ?? ''),
        notes: [oneLine(operation.summary), ...path.notes, ...notes],
      });
  }
  return leftOut;
}

interface Operation {
  readonly path: PathPattern;
  readonly method: string;
  readonly access: ApiAccess;
  readonly name: string;
  readonly notes: readonly string[];
}

/** Operations of one path and one kind of access are one route. */
class Routes {
  readonly #operations = new Map<string, Operation>();

  add(operation: Operation): void {
    const key = `${operation.method} ${patternShape(operation.path)}`;
    const known = this.#operations.get(key);
    if (!known) this.#operations.set(key, operation);
    else {
      const note = `stands for ${known.path.source} and another path of the document, with what both ask for`;
      this.#operations.set(key, {
        ...known,
        access: stricter(known.access, operation.access),
        notes: [...known.notes, note],
      });
    }
  }

  all(): ApiRoute[] {
    const groups = new Map<string, Operation[]>();
    for (const operation of this.#operations.values()) {
      const key = `${patternShape(operation.path)} ${JSON.stringify(operation.access)}`;
      groups.set(key, [...(groups.get(key) ?? []), operation]);
    }
    const taken = new Set<string>(['none']);
    return [...groups.values()].map((operations) => {
      const [first] = operations as [Operation];
      const name =
        operations.length === 1 && first.name !== ''
          ? first.name
          : `${first.path.source}-${operations.map(({ method }) => method.toLowerCase()).join('-')}`;
      return {
        id: uniqueId(name, taken),
        path: first.path.source,
        methods: operations.map(({ method }) => method),
        access: first.access,
        notes: [...new Set(operations.flatMap(({ notes }) => notes))].filter((note) => note !== ''),
      };
    });
  }
}

/** A name as routes may have it, and no other route has. */
function uniqueId(name: string, taken: Set<string>): string {
  const plain =
    name
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/-{2,}/g, '-')
      .replace(/^[^A-Za-z0-9]+|[._-]+$/g, '')
      .slice(0, 58) || 'route';
  let id = plain;
  for (let number = 2; taken.has(id); number += 1) id = `${plain}-${number}`;
  taken.add(id);
  return id;
}

interface ReadPath {
  readonly pattern: PathPattern;
  readonly notes: readonly string[];
}

/** A path template as one of our patterns, or why it can be none. */
function pathOf(prefix: string, template: string): ReadPath | string {
  if (!template.startsWith('/')) return 'a path begins with a slash';
  const notes: string[] = [];
  const names = new Set<string>();
  const segments = `${prefix}${template.split(/[?#]/, 1)[0]}`
    .slice(1)
    .split('/')
    .map((segment) => {
      const [, name] = /\{([^}]*)\}/.exec(segment) ?? [];
      if (name === undefined)
        return segment
          .replace(/%[0-9a-f]{2}/gi, (octet) => octet.toUpperCase())
          .replace(/[^A-Za-z0-9\-._~!$&'()+,=:@%*;]/gu, encodeURIComponent);
      if (segment !== `{${name}}`) notes.push(`\`${oneLine(segment)}\` in the document: here it is any one segment`);
      return `{${uniqueParam(name, names)}}`;
    });
  if (segments.some((segment) => segment.includes(';')))
    return 'it has a semicolon, for which a route needs `allow: [semicolon]`';
  const pattern = readPattern(`/${segments.join('/')}`);
  if (typeof pattern === 'string') return pattern;
  return /^\/\.well-known\/(?:bearergate|oauth-protected-resource)(?:\/|$)/.test(pattern.source)
    ? 'the gateway itself answers this path'
    : { pattern, notes };
}

function uniqueParam(name: string, taken: Set<string>): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_');
  let param = plain;
  for (let number = 2; taken.has(param); number += 1) param = `${plain}_${number}`;
  taken.add(param);
  return param;
}

interface ReadAccess {
  readonly access: ApiAccess;
  readonly notes: readonly string[];
  readonly flaw?: string;
}

const ANY_TOKEN: ApiAccess = { kind: 'token', scopes: [], any: false };

/** The security requirements of an operation, else those of the document. */
function accessOf(operation: Json, root: Json): ReadAccess {
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

function stricter(one: ApiAccess, other: ApiAccess): ApiAccess {
  if (one.kind === 'public') return other;
  if (other.kind === 'public') return one;
  return { kind: 'token', scopes: [...new Set([...one.scopes, ...other.scopes])], any: false };
}

/** The first server, with the defaults of its variables: where the API is, and where its paths begin. */
function serverOf(root: Json): { readonly origin: string | undefined; readonly prefix: string } {
  const [server] = Array.isArray(root.servers) ? root.servers.map(mapOf) : [];
  const variables = mapOf(server?.variables);
  const address = String(server?.url ?? '/').replace(/\{([^}]*)\}/g, (_, name: string) =>
    String(mapOf(variables[name]).default ?? ''),
  );
  const base = 'http://relative.invalid';
  if (!URL.canParse(address, base)) return { origin: undefined, prefix: '' };
  const { protocol, origin, pathname } = new URL(address, base);
  return {
    origin: /^https?:$/.test(protocol) && origin !== base ? origin : undefined,
    prefix: pathname.replace(/\/+$/, ''),
  };
}

const DISCOVERY = '/.well-known/openid-configuration';

function discoveredIssuer(root: Json): string | undefined {
  const addresses = Object.values(mapOf(mapOf(root.components).securitySchemes)).map((scheme) =>
    String(mapOf(resolved(root, scheme)).openIdConnectUrl ?? ''),
  );
  return addresses.find((address) => address.endsWith(DISCOVERY))?.slice(0, -DISCOVERY.length);
}

/** What a `$ref` within the document stands for. */
function resolved(root: Json, value: unknown, depth = 0): unknown {
  const reference = mapOf(value).$ref;
  if (typeof reference !== 'string' || depth > 16) return value;
  if (!reference.startsWith('#/')) return undefined;
  const steps = reference
    .slice(2)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const target = steps.reduce<unknown>(
    (at, step) => (isMap(at) && Object.hasOwn(at, step) ? at[step] : undefined),
    root,
  );
  return resolved(root, target, depth + 1);
}

function mapOf(value: unknown): Json {
  return isMap(value) ? value : {};
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As it may stand in a comment. */
function oneLine(text: unknown): string {
  return typeof text === 'string'
    ? text
        .replace(/[\p{C}\p{Z}]+/gu, ' ')
        .trim()
        .slice(0, 100)
    : '';
}
