import { mayFetch } from '../verify/fetch.ts';
import { readJwks } from '../verify/jwks.ts';
import { reasonOf } from './files.ts';
import { type Finding, type Path, warningAt } from './problem.ts';
import type { Scene } from './scene.ts';
import type { GatewayFile, IssuerEntry } from './schema.ts';

/** Settings, of no route in particular, that are legal and seldom meant. */
export function unwiseSettings(gateway: GatewayFile, scene: Scene): Finding[] {
  return [
    ...insecurePublicUrl(gateway),
    ...exposedAdmin(gateway),
    ...Object.entries(gateway.issuers).flatMap(([name, issuer]) => {
      const path: Path = ['issuers', name];
      return [
        ...longTolerance(issuer, path),
        ...clearSecrets(issuer, path, scene),
        ...keysFile(issuer, path, scene),
        ...snapshotFolder(issuer, path, scene),
      ];
    }),
  ];
}

function meant(name: string): string {
  return `if that is meant: \`acknowledge: [${name}]\``;
}

function insecurePublicUrl({ publicUrl }: GatewayFile): Finding[] {
  if (publicUrl === undefined || mayFetch(publicUrl, false)) return [];
  const message = 'clients come over http://, where anybody on the way can read their tokens (RFC 6750 §5.3)';
  return [warningAt(['publicUrl'], 'insecure-public-url', message, `serve https://; ${meant('insecure-public-url')}`)];
}

function exposedAdmin({ admin }: GatewayFile): Finding[] {
  if (/^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(admin.host)) return [];
  const message = 'the admin port can be reached from other machines, and asks nobody who they are';
  const hint = `keep it from the public network; ${meant('admin-exposed')}`;
  return [warningAt(['admin', 'host'], 'admin-exposed', message, hint)];
}

const LONG_TOLERANCE = 5 * 60_000;

function longTolerance({ clockTolerance }: IssuerEntry, path: Path): Finding[] {
  if (clockTolerance <= LONG_TOLERANCE) return [];
  const message = 'tokens are taken for this long after they expire';
  const hint = `clocks that are kept by NTP differ by less than a second; ${meant('long-clock-tolerance')}`;
  return [warningAt([...path, 'clockTolerance'], 'long-clock-tolerance', message, hint)];
}

function clearSecrets({ keys, introspection }: IssuerEntry, path: Path, { isSecret }: Scene): Finding[] {
  const secrets: readonly (readonly [text: string | undefined, place: Path])[] = [
    [keys.secret, [...path, 'keys', 'secret']],
    [introspection?.clientSecret, [...path, 'introspection', 'clientSecret']],
  ];
  return secrets.flatMap(([text, place]) => {
    if (text === undefined || isSecret(place)) return [];
    const message = `\`${place.at(-1)}\` stands in this file, for everybody who may read it`;
    const hint = `keep it outside: \${file:/run/secrets/name} or \${NAME}`;
    return [{ ...warningAt(place, 'secret-in-clear', message, hint), masked: true }];
  });
}

/** It is read when the gateway starts, and again and again: that it is absent now is no reason not to start. */
function keysFile({ keys }: IssuerEntry, path: Path, { readFile, shown }: Scene): Finding[] {
  if (keys.file === undefined) return [];
  const place = [...path, 'keys', 'file'];
  const flaw = fileFlaw(() => readFile(keys.file as string, place));
  if (flaw === undefined) return [];
  const hint = 'until there are keys in it, requests with tokens of this issuer get 503';
  return [warningAt(place, 'unusable-keys-file', `\`${shown(place, keys.file)}\` ${flaw}`, hint)];
}

/** The gateway works without it, until it is restarted while the issuer cannot be asked. */
function snapshotFolder({ keys }: IssuerEntry, path: Path, { folderFlaw, shown }: Scene): Finding[] {
  if (keys.snapshot === undefined) return [];
  const place = [...path, 'keys', 'snapshot'];
  const flaw = folderFlaw(keys.snapshot, place);
  if (flaw === undefined) return [];
  const hint = 'name a folder: the last good keys are kept there over a restart';
  return [warningAt(place, 'unusable-snapshot', `\`${shown(place, keys.snapshot)}\` ${flaw}`, hint)];
}

function fileFlaw(read: () => string): string | undefined {
  try {
    return jwksFlaw(read());
  } catch (error) {
    return reasonOf(error);
  }
}

function jwksFlaw(text: string): string | undefined {
  try {
    const [leftOut] = readJwks(JSON.parse(text)).leftOut;
    return leftOut === undefined ? undefined : `has a key that cannot be used: ${leftOut}`;
  } catch (error) {
    return error instanceof SyntaxError ? 'is no JSON' : `has no usable keys: ${(error as Error).message}`;
  }
}
