import { printable } from '../../config/render.ts';
import { ask } from '../../verify/ask.ts';
import { metadataUrls } from '../../verify/discovery.ts';
import { fetchJson, mayFetch } from '../../verify/fetch.ts';

/** For each question, in ms: a person waits. */
const TIMEOUT = 4000;

/**
 * Asks an issuer for its metadata as the gateway will, and says in one sentence what came of it. Never rejects: an issuer that
 * cannot be reached from here may be reached from where the gateway will run.
 */
export async function probeIssuer(issuer: string): Promise<string> {
  const failures: string[] = [];
  for (const url of metadataUrls(issuer)) {
    try {
      const document = await fetchJson(url, { timeout: TIMEOUT, ask, cancel: new AbortController().signal });
      return printable(describe(document, issuer, url)); // what a stranger sent goes to a terminal
    } catch (error) {
      failures.push(printable((error as Error).message));
    }
  }
  return `Discovery found nothing from here (${failures.join('; ')}). The gateway will ask again when it starts.`;
}

function describe(document: unknown, issuer: string, url: string): string {
  const metadata = (typeof document === 'object' && document !== null ? document : {}) as Record<string, unknown>;
  if (metadata.issuer !== issuer) {
    return `${url} answers for another issuer, ${JSON.stringify(metadata.issuer)}. If tokens come from that one, write it exactly so.`;
  }
  const keys = metadata.jwks_uri;
  if (typeof keys !== 'string' || !mayFetch(keys, false)) return `${url} names no usable address of keys (jwks_uri).`;
  return `Discovery works: the keys are at ${keys}.`;
}
