/** The fields with which a client asks for another protocol, lower-case. */
export const UPGRADE_FIELDS: ReadonlySet<string> = new Set(['upgrade', 'http2-settings']);

/** Whether a value of Upgrade (RFC 9110 §7.8) names WebSocket, alone or among others, with a version or without. */
export function namesWebSocket(value: string): boolean {
  return value.split(',').some((protocol) => protocol.split('/', 1)[0]?.trim().toLowerCase() === 'websocket');
}
