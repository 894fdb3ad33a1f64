/** A place where a route looks for the token. */
export type TokenPlace =
  | { readonly kind: 'authorization' }
  | { readonly kind: 'cookie'; readonly name: string }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'query'; readonly name: string }
  /** Behind this name in Sec-WebSocket-Protocol, the one header that a web page can choose for a WebSocket. */
  | { readonly kind: 'websocketProtocol'; readonly name: string };

/** What a place is called in a sentence, behind `the`. */
export function nameOf(place: TokenPlace): string {
  switch (place.kind) {
    case 'authorization':
      return 'Authorization header';
    case 'cookie':
      return `cookie ${place.name}`;
    case 'header':
      return `header ${place.name}`;
    case 'query':
      return `query parameter ${place.name}`;
    case 'websocketProtocol':
      return `subprotocol behind ${place.name}`;
  }
}
