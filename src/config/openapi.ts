import { parse } from 'yaml';
import { trimEndOf } from '../request/lists.ts';
import { accessOf } from './openapi/access.ts';
import { isMap, type Json, mapOf, oneLine, resolved } from './openapi/document.ts';
import { pathOf, type ReadPath } from './openapi/path.ts';
import { type ApiRoute, Routes } from './openapi/routes.ts';

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

/** The first server, with the defaults of its variables: where the API is, and where its paths begin. */
function serverOf(root: Json): { readonly origin: string | undefined; readonly prefix: string } {
  const [server] = Array.isArray(root.servers) ? root.servers.map(mapOf) : [];
  const variables = mapOf(server?.variables);
  const address = String(server?.url ?? '/').replace(/\{([^{}]*)\}/g, (_, name: string) =>
    String(mapOf(variables[name]).default ?? ''),
  );
  const base = 'http://relative.invalid';
  if (!URL.canParse(address, base)) return { origin: undefined, prefix: '' };
  const { protocol, origin, pathname } = new URL(address, base);
  return {
    origin: /^https?:$/.test(protocol) && origin !== base ? origin : undefined,
    prefix: trimEndOf(pathname, '/'),
  };
}

const DISCOVERY = '/.well-known/openid-configuration';

function discoveredIssuer(root: Json): string | undefined {
  const addresses = Object.values(mapOf(mapOf(root.components).securitySchemes)).map((scheme) =>
    String(mapOf(resolved(root, scheme)).openIdConnectUrl ?? ''),
  );
  return addresses.find((address) => address.endsWith(DISCOVERY))?.slice(0, -DISCOVERY.length);
}
