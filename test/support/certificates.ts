import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needs } from './needs.ts';

/** A certificate and its private key, in PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** What stands in a certificate, where it is not the usual. */
export interface CertificateOptions {
  /** As openssl writes subjectAltName: `DNS:orders.test` or `IP:127.0.0.1`. */
  readonly names?: readonly string[];
  /** As openssl writes it: `/O=acme/CN=client`. */
  readonly subject?: string;
  /** From now on; -1 has ended yesterday. */
  readonly days?: number;
}

/** A certificate authority of a test's own. */
export interface Authority extends CertificatePair {
  issue(options?: CertificateOptions): CertificatePair;
}

/** A `test` that makes certificates, with the openssl command. */
export const needsOpenssl = needs('openssl', () => {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    return false;
  }
});

const HERE = ['DNS:localhost', 'IP:127.0.0.1'];
/** On a curve: such keys are made in a moment. */
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem'];

/** A certificate that signs itself. */
export function makeSelfSigned({ names = HERE }: CertificateOptions = {}): CertificatePair {
  return inFolder((openssl, read) => {
    openssl('req', '-x509', ...NEW_KEY, ...subject('self', names), '-days', '1', '-out', 'cert.pem');
    return { cert: read('cert.pem'), key: read('key.pem') };
  });
}

export function makeAuthority(): Authority {
  const own = inFolder((openssl, read) => {
    openssl('req', '-x509', ...NEW_KEY, '-subj', '/CN=authority', '-days', '1', '-out', 'cert.pem');
    return { cert: read('cert.pem'), key: read('key.pem') };
  });
  return {
    ...own,
    issue: ({ names = HERE, days = 1, subject: whole } = {}) =>
      inFolder((openssl, read, write) => {
        write('ca.pem', own.cert);
        write('ca.key', own.key);
        openssl('req', '-new', '-utf8', ...NEW_KEY, ...subject('leaf', names, whole), '-out', 'request.pem');
        const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', '1', '-copy_extensions', 'copy'];
        openssl('x509', '-req', '-in', 'request.pem', ...signed, '-days', String(days), '-out', 'cert.pem');
        return { cert: read('cert.pem'), key: read('key.pem') };
      }),
  };
}

function subject(name: string, names: readonly string[], whole = `/CN=${name}`): string[] {
  return ['-subj', whole, '-addext', `subjectAltName=${names.join(',')}`];
}

/** Runs openssl in a folder of its own, and takes the folder away. */
function inFolder<T>(
  work: (
    openssl: (...words: readonly string[]) => void,
    read: (name: string) => string,
    write: (name: string, text: string) => void,
  ) => T,
): T {
  const folder = mkdtempSync(join(tmpdir(), 'bearergate-certificates-'));
  try {
    return work(
      (...words) => void execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' }),
      (name) => readFileSync(join(folder, name), 'utf8'),
      (name, text) => writeFileSync(join(folder, name), text),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
