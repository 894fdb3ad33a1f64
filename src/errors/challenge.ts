import { rowOf } from './catalogue.ts';
import type { Fault } from './fault.ts';

/** What a challenge says of the resource. */
interface Resource {
  /** Where its RFC 9728 metadata is. */
  readonly metadata: string | undefined;
  /** What it is called where nothing else is said: a challenge has a parameter at least (RFC 6750 §3). */
  readonly realm: string;
}

/**
 * The value of `WWW-Authenticate` for a fault (RFC 6750 §3, RFC 9728 §5.1), or undefined where none belongs.
 * `description` is left out of a bare challenge: no token was sent, so there is no error to describe.
 */
export function challengeFor(fault: Fault, description: string, { metadata, realm }: Resource): string | undefined {
  const { challenge } = rowOf(fault.code);
  if (challenge === 'none') return undefined;
  const parameters: string[] = [];
  if (challenge !== 'bare') {
    parameters.push(`error="${challenge}"`, `error_description="${quotable(description)}"`);
    if (fault.scope?.length) parameters.push(`scope="${fault.scope.join(' ')}"`);
  }
  if (metadata) parameters.push(`resource_metadata="${metadata}"`);
  if (parameters.length === 0) parameters.push(`realm="${quotable(realm)}"`);
  return `Bearer ${parameters.join(', ')}`;
}

/** Only the characters that RFC 6750 §3 allows in `error_description`, which need no escape in any quoted string: printable ASCII without quote and backslash. */
function quotable(text: string): string {
  return text.replaceAll('"', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}
