import type { RequestHead } from './head.ts';

/** 16 bytes in base64. Bits that no byte needs are not looked at: some clients send any 22 characters. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * What keeps a request to upgrade from being the opening handshake of a WebSocket (RFC 6455 §4.2.1), without a body;
 * undefined where nothing does. An upgrade that one of two readers does not believe in is a tunnel past the gateway.
 */
export function handshakeFlaw(head: RequestHead): string | undefined {
  const protocols = head.headerValues('upgrade');
  if (protocols.length !== 1 || protocols[0]?.toLowerCase() !== 'websocket')
    return 'The protocol asked for is not WebSocket, alone.';
  if (!head.nominated.has('upgrade')) return 'The Connection header does not say Upgrade.';
  if (head.method !== 'GET') return 'A WebSocket is opened with GET.';
  if (head.version !== '1.1') return 'A WebSocket is opened in HTTP/1.1.';
  if (head.hasBody) return 'A request to upgrade has no body.';
  const versions = head.headerValues('sec-websocket-version');
  if (versions.length !== 1 || versions[0] !== '13') return 'The Sec-WebSocket-Version is not 13.';
  const keys = head.headerValues('sec-websocket-key');
  if (keys.length !== 1 || !KEY.test(keys[0] as string)) return 'The Sec-WebSocket-Key is not 16 bytes in base64.';
  return undefined;
}
