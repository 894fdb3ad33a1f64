import { rowOf } from './catalogue.ts';
import type { Fault } from './fault.ts';

/**
 * The value of `WWW-Authenticate` for a fault (RFC 6750 §3, RFC 9728 §5.1), or undefined where none belongs.
 * `description` is left out of a bare challenge: no token was sent, so there is no error to describe.
 */
export function challengeFor(fault: Fault, description: string, metadataUrl: string | undefined): string | undefined {
  const { challenge } = rowOf(fault.code);
  if (challenge === 'none') return undefined;
  const parameters: string[] = [];
  if (challenge !== 'bare') {
    parameters.push(`error="${challenge}"`, `error_description="${quotable(description)}"`);
    if (fault.scope?.length) parameters.push(`scope="${fault.scope.join(' ')}"`);
  }
  if (metadataUrl) parameters.push(`resource_metadata="${metadataUrl}"`);
  return parameters.length ? `Bearer ${parameters.join(', ')}` : 'Bearer';
}

/** Only the characters that RFC 6750 §3 allows in `error_description`: printable ASCII without quote and backslash. */
function quotable(text: string): string {
  return text.replaceAll('"', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}
