import type { ApiRoute } from './openapi/routes.ts';

/** What a first configuration is made of. */
export interface FirstConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly upstream: string;
  /** Undefined: one route that takes everything. */
  readonly routes: readonly ApiRoute[] | undefined;
  /** What of a document has no route. */
  readonly leftOut: readonly string[];
}

/** A configuration with comments, for somebody who has never seen one. */
export function firstConfig({ issuer, audience, upstream, routes, leftOut }: FirstConfig): string {
  const rest = leftOut.map((text) => `# Left out: ${text}\n`).join('');
  return `# yaml-language-server: $schema=./gateway.schema.json

# Editors complete and explain the fields by gateway.schema.json beside this file (bearergate schema prints it).
# Every mistake in this file, with its position: bearergate check
# Which route wins, and who may use it: bearergate routes

listen:
  host: 0.0.0.0
  port: 8080

issuers:
  main:
    issuer: ${quoted(issuer)} # exactly as in a token's \`iss\`; its keys are found from here
    audience: ${quoted(audience)} # a token's \`aud\` has to name it, or it was meant for somebody else

upstreams:
  api:
    url: ${quoted(upstream)}

defaults:
  auth: { issuers: [main] } # what a route asks for when it says nothing: a valid token

${rest}${rest && '\n'}# The most specific route wins, wherever it stands. What no route takes is refused.
routes:
${(routes?.map(routeText) ?? [EVERYTHING]).join('\n')}`;
}

const EVERYTHING = `  - id: everything
    match: { path: "/**" }
    upstream: api
    headers:
      set:
        X-User-Id: "{claims.sub}" # who is asking; what a client sends under this name is dropped

  # What anybody may reach has to be said, route by route:
  # - id: health
  #   match: { path: /health, methods: [GET, HEAD] }
  #   auth: public
  #   upstream: api
`;

function routeText({ id, path, methods, access, notes }: ApiRoute): string {
  const scopes = access.kind === 'token' && access.scopes.length > 0 ? `[${access.scopes.map(quoted).join(', ')}]` : '';
  const auth =
    access.kind === 'public'
      ? '    auth: public # the document says `security: []`\n'
      : scopes
        ? `    auth: { scopes: ${access.any ? `{ any: ${scopes} }` : scopes} }\n`
        : '';
  return `${notes.map((note) => `  # ${note}\n`).join('')}  - id: ${quoted(id)}
    match: { path: ${quoted(path)}, methods: [${methods.join(', ')}] }
${auth}    upstream: api
`;
}

/** Strings of JSON are strings of YAML; a dollar and a brace in one are text. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('${', () => '$${');
}
