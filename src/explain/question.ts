import type { Assembly } from '../assembly.ts';
import type { ParsedRequest } from '../request/head.ts';
import { isAuthority } from '../request/head.ts';
import { hostName } from '../route/host.ts';
import { canonicalTarget } from '../route/target.ts';
import type { TokenPlace } from '../token/place.ts';

/** A request that somebody asks about. */
export interface Question {
  readonly method: string;
  /** A path with its query, or an absolute http address. It is taken as it is written: nothing is tidied up. */
  readonly url: string;
  /** The token alone, or the whole value of an Authorization header. */
  readonly token?: string | undefined;
  /** Further headers, names and values in turn. */
  readonly headers: readonly string[];
}

/** Reads `{ method, url, token?, headers? }`; answers what is wrong with it as text. */
export function readQuestion(json: unknown): Question | string {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'expected a JSON object';
  const { method, url, token, headers = {}, ...more } = json as Record<string, unknown>;
  const [unknown] = Object.keys(more);
  if (unknown !== undefined)
    return `there are method, url, token and headers, and nothing called ${JSON.stringify(unknown)}`;
  if (typeof method !== 'string' || !METHOD.test(method)) return 'method has to be a word such as GET';
  if (typeof url !== 'string' || !isAddress(url)) return 'url has to be a path, or an http address';
  if (token !== undefined && token !== null && typeof token !== 'string') return 'token has to be text';
  const fields = fieldsOf(headers);
  if (typeof fields === 'string') return fields;
  return { method, url, token: token ?? undefined, headers: fields };
}

/** RFC 9110 §5.6.2 */
export const METHOD = /^[!#$%&'*+\-.^_`|~A-Za-z0-9]+$/;

/** Whether a text can be asked about as an address; whether it is a good one is for the gateway to say. */
export function isAddress(text: string): boolean {
  return text === '*' || text.startsWith('/') || /^https?:\/\/[^/?#]/i.test(text);
}

function fieldsOf(headers: unknown): string[] | string {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    return 'headers has to be an object of names and values';
  const fields: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    for (const one of [value].flat()) {
      if (!METHOD.test(name) || typeof one !== 'string' || !FIELD_VALUE.test(one))
        return `the header ${JSON.stringify(name)} has to have a name and text that can stand in a header`;
      fields.push(name, one);
    }
  }
  return fields;
}

/** RFC 9110 §5.5, as node's parser hands values over: without line breaks and NUL. */
export const FIELD_VALUE = /^[^\r\n\0]*$/;

/** The request as node's parser would hand it over, with the token where the route looks for one first. */
export function requestFor({ method, url, token, headers }: Question, world: Assembly): ParsedRequest {
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url) ?? [];
  const target = authority === undefined ? url : rest.startsWith('/') ? rest : `/${rest}`;
  const given = headerValue(headers, 'host');
  const host = authority ?? given ?? usualHost(world);
  const raw = given === undefined || authority !== undefined ? ['Host', host] : [];
  const others = authority === undefined ? headers : withoutHost(headers);
  const rawHeaders = [...raw, ...others];
  if (token === undefined) return { method, url: target, httpVersion: '1.1', rawHeaders };
  const place = placeFor(world, method, host, target);
  return put(token, place, { method, url: target, httpVersion: '1.1', rawHeaders });
}

/** The host by which clients know the gateway, where a question does not name one. */
function usualHost({ config }: Assembly): string {
  const { publicUrl } = config.errors;
  if (publicUrl !== undefined) return new URL(publicUrl).host;
  const named = config.routes.find(({ host }) => host !== undefined && !host.startsWith('*.'));
  return named?.host ?? 'localhost';
}

function headerValue(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at === -1 ? undefined : headers[at + 1];
}

function withoutHost(headers: readonly string[]): string[] {
  return headers.filter((_, index) => headers[index - (index % 2)]?.toLowerCase() !== 'host');
}

const AUTHORIZATION: TokenPlace = { kind: 'authorization' };

function placeFor(world: Assembly, method: string, host: string, url: string): TokenPlace {
  const target = canonicalTarget(url);
  if (!target.ok || !isAuthority(host)) return AUTHORIZATION;
  const match = world.table.match(hostName(host), target.value.path, method);
  const guard = match.kind === 'route' ? match.route.settings.guard : 'public';
  if (guard === 'public' || guard.tokenFrom.some(({ kind }) => kind === 'authorization')) return AUTHORIZATION;
  return guard.tokenFrom[0] ?? AUTHORIZATION;
}

function put(token: string, place: TokenPlace, request: ParsedRequest & { readonly url: string }): ParsedRequest {
  const add = (name: string, value: string) => ({ ...request, rawHeaders: [...request.rawHeaders, name, value] });
  switch (place.kind) {
    case 'authorization':
      // Whoever pastes the whole header value means that; another scheme is seen as one too.
      return add('Authorization', /^[A-Za-z]+[ \t]/.test(token) ? token : `Bearer ${token}`);
    case 'header':
      return add(place.name, token);
    case 'cookie':
      return add('Cookie', `${place.name}=${token}`);
    case 'query': {
      const mark = request.url.includes('?') ? '&' : '?';
      return { ...request, url: `${request.url}${mark}${place.name}=${encodeURIComponent(token)}` };
    }
    case 'websocketProtocol':
      return add('Sec-WebSocket-Protocol', `${place.name}, ${token}`);
  }
}
