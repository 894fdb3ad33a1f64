import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { reasonOf } from './files.ts';
import { missing } from './issues.ts';
import { errorAt, type Path } from './problem.ts';
import { type Judgement, judge, type Scene } from './scene.ts';

/** Files of certificates and their key, by name. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly clientCa?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What a file holds once it is read; undefined where it does not, which is then said. */
type Read<T> = T | undefined;

/** What is wrong with certificates and their key: files that can't be read, what is no PEM, a key that doesn't fit. */
export function tlsRules(files: TlsFiles, path: Path, scene: Pick<Scene, 'readFile'>): Judgement[] {
  const readFile = (name: string) => scene.readFile(name, path);
  const judgements: Judgement[] = [];
  const say = (key: string, name: string, message: string, hint?: string) => {
    const place = [...path, key];
    judgements.push(judge(errorAt(place, name, message, hint), place));
    return undefined;
  };
  const read = <T>(key: keyof TlsFiles, parse: (text: string) => T): Read<T> => {
    const name = files[key];
    if (name === undefined) return undefined;
    let text: string;
    try {
      text = readFile(name);
    } catch (error) {
      return say(key, 'unreadable-file', `the file of \`${key}\` ${reasonOf(error)}`);
    }
    try {
      return parse(text);
    } catch (error) {
      const { message, hint } = error instanceof Flaw ? error : new Flaw('holds what cannot be used');
      return say(key, 'bad-pem', `the file of \`${key}\` ${message}`, hint);
    }
  };

  const ca = read('ca', readCertificates);
  const clientCa = read('clientCa', readCertificates);
  const cert = read('cert', readCertificates);
  const key = read('key', readKey);
  for (const [one, other] of PAIR) {
    if (files[one] !== undefined && files[other] === undefined) {
      judgements.push(judge(missing([...path, other]), [...path, other], [...path, one]));
    }
  }
  if (cert && key && !cert[0]?.checkPrivateKey(key)) {
    say(
      'key',
      'key-mismatch',
      'this is not the key of the certificate in `cert`',
      'the certificate comes first in its file',
    );
  } else if (judgements.length === 0) {
    const flaw = contextFlaw(files, readFile);
    const suspect = cert ? 'cert' : ca ? 'ca' : clientCa ? 'clientCa' : 'key';
    if (flaw !== undefined) say(suspect, 'bad-tls', `OpenSSL does not take this: ${flaw}`);
  }
  return judgements;
}

const PAIR = [
  ['cert', 'key'],
  ['key', 'cert'],
] as const;

/** Why a text is not what it should be, said of its file. */
class Flaw extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;

/** Every certificate is read now: OpenSSL would leave out what it can't, and each connection would fail. */
function readCertificates(text: string): readonly X509Certificate[] {
  const blocks = certificateBlocks(text);
  if (blocks.length === 0) {
    const hint = PRIVATE_KEY.test(text) ? 'this is a private key' : 'it begins with -----BEGIN CERTIFICATE-----';
    throw new Flaw('holds no certificate in PEM', hint);
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new Flaw(
        blocks.length === 1 ? 'holds a damaged certificate' : `holds a damaged certificate, number ${index + 1}`,
      );
    }
  });
}

/** From each beginning to the first end behind it. */
function certificateBlocks(text: string): string[] {
  const blocks: string[] = [];
  for (let from = text.indexOf(BEGIN); from !== -1; ) {
    const end = text.indexOf(END, from);
    if (end === -1) break;
    blocks.push(text.slice(from, end + END.length));
    from = text.indexOf(BEGIN, end);
  }
  return blocks;
}

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';

function readKey(text: string): KeyObject {
  if (!PRIVATE_KEY.test(text)) {
    const hint = text.includes('CERTIFICATE-----')
      ? 'this is a certificate'
      : 'it begins with -----BEGIN PRIVATE KEY-----';
    throw new Flaw('holds no private key in PEM', hint);
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE' || text.includes('ENCRYPTED')) {
      throw new Flaw('is locked by a passphrase', 'take it off: openssl pkey -in locked.pem -out key.pem');
    }
    throw new Flaw('holds a damaged private key');
  }
}

/** What only OpenSSL knows: keys and hashes that are too weak for its security level. Its reason holds nothing of the key. */
function contextFlaw({ ca, clientCa, cert, key }: TlsFiles, readFile: (name: string) => string): string | undefined {
  const text = (name: string | undefined) => (name === undefined ? undefined : readFile(name));
  try {
    createSecureContext({ ca: text(ca ?? clientCa), cert: text(cert), key: text(key) });
    return undefined;
  } catch (error) {
    return (error as { reason?: string }).reason ?? (error as Error).message;
  }
}
