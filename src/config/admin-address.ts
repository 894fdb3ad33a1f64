import type * as z from 'zod';
import { isLoopback } from '../request/address.ts';
import type { Environment } from './interpolate.ts';
import { readPart } from './part.ts';
import { phrase } from './phrase.ts';
import { adminSchema } from './schema.ts';

/** Where a gateway's admin port is, or why that can't be told, in one line. */
export type AdminAddress = { readonly host: string; readonly port: number } | { readonly reason: string };

/**
 * Reads from a configuration where its admin port is, and nothing else: what stands elsewhere may be wrong, and secrets
 * may be absent that another process has.
 */
export function adminAddress(file: string, environment: Environment): AdminAddress {
  const part = readPart(file, environment, () => {});
  if ('reason' in part) return { reason: `the configuration file ${part.reason}` };
  if (!('source' in part)) return { reason: part.problems[0]?.message ?? 'it is no YAML' };
  const broken = part.broken.find(([section]) => section === 'admin');
  if (broken) return { reason: `${broken.join('.')} cannot be read, and \`bearergate check\` tells why` };
  const written = (part.value as { readonly admin?: unknown } | null)?.admin;
  const parsed = adminSchema.prefault({}).safeParse(written, { error: phrase });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues as [z.core.$ZodIssue];
  return { reason: `${['admin', ...issue.path].join('.')} ${issue.message}` };
}

/**
 * How the admin port is called from its own machine. Undefined where that is not known (port 0), or is an address of a
 * network, which is not for everybody to read.
 */
export function localAdminUrl({ host, port }: { readonly host: string; readonly port: number }): string | undefined {
  if (port === 0) return undefined;
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  if (host === '::1') return `http://[::1]:${port}`;
  return isLoopback(host) ? `http://${host}:${port}` : undefined;
}
