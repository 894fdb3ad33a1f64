import type { RouteSettings } from '../config/config.ts';
import { cookiePairs, queryPairs } from '../token/pairs.ts';

/** Takes the token out of what goes on, from wherever the route looks for it. */
export interface StripToken {
  /** Whether fromHeader can change anything. */
  readonly touchesHeaders: boolean;
  /** A header's value without the token; undefined drops the header. `name` is lower-case. */
  fromHeader(name: string, value: string): string | undefined;
  /** The query, with its question mark, without the token's parameter. */
  fromQuery(query: string): string;
}

/** The stripper of a route. Authorization is not in its hands: that field is never copied on with the others. */
export function tokenStripper({ guard, token }: RouteSettings): StripToken {
  const places = guard === 'public' || token === 'forward' ? [] : guard.tokenFrom;
  const headers = new Set(
    places.flatMap((place) => {
      // A WebSocket's other subprotocols go on with its handshake; to any other request they mean nothing.
      if (place.kind === 'websocketProtocol') return ['sec-websocket-protocol'];
      return place.kind === 'header' ? [place.name] : [];
    }),
  );
  const cookies = new Set(places.flatMap((place) => (place.kind === 'cookie' ? [place.name] : [])));
  const parameters = new Set(places.flatMap((place) => (place.kind === 'query' ? [place.name] : [])));
  return {
    touchesHeaders: headers.size > 0 || cookies.size > 0,
    fromHeader(name, value) {
      if (headers.has(name)) return undefined;
      return name === 'cookie' && cookies.size > 0 ? withoutCookies(value, cookies) : value;
    },
    fromQuery: (query) => (parameters.size > 0 && query !== '' ? withoutParameters(query, parameters) : query),
  };
}

function withoutCookies(field: string, names: ReadonlySet<string>): string | undefined {
  const pairs = cookiePairs(field);
  // `trim` takes more than blanks off, and so do some upstreams.
  const kept = pairs.filter(({ name }) => !names.has(name.trim()));
  if (kept.length === pairs.length) return field;
  return kept.length > 0 ? kept.map(({ text }) => text).join('; ') : undefined;
}

/** The other parameters stay byte for byte; the name is compared decoded, as an upstream would read it. */
function withoutParameters(query: string, names: ReadonlySet<string>): string {
  const kept = queryPairs(query).filter(({ name }) => !names.has(name));
  return kept.length > 0 ? `?${kept.map(({ text }) => text).join('&')}` : '';
}
