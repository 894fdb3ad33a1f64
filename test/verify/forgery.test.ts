import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import test from 'ava';
import { SignJWT } from 'jose';
import type { Algorithm } from '../../src/verify/algorithms.ts';
import { isForged } from '../../src/verify/forgery.ts';

interface Pair {
  readonly signs: KeyObject;
  readonly checks: KeyObject;
}

const rsa = (bits: number): Pair => paired(generateKeyPairSync('rsa', { modulusLength: bits }));
const curve = (namedCurve: string): Pair => paired(generateKeyPairSync('ec', { namedCurve }));
const paired = (pair: { privateKey: KeyObject; publicKey: KeyObject }): Pair => ({
  signs: pair.privateKey,
  checks: pair.publicKey,
});
const secret = (letter: string): Pair => {
  const key = createSecretKey(letter.repeat(64), 'utf8');
  return { signs: key, checks: key };
};

const RSA = rsa(2048);
const OTHER_RSA = rsa(2048);
const EC = curve('P-256');

/** Of those that are looked at in place: the algorithm, its key, and another one of the same kind. */
const LOOKED_AT: readonly (readonly [algorithm: Algorithm, key: Pair, other: Pair])[] = [
  ['RS256', RSA, OTHER_RSA],
  ['RS384', RSA, OTHER_RSA],
  ['RS512', RSA, OTHER_RSA],
  ['PS256', RSA, OTHER_RSA],
  ['PS384', RSA, OTHER_RSA],
  ['PS512', RSA, OTHER_RSA],
  ['ES256', EC, curve('P-256')],
  ['HS256', secret('a'), secret('b')],
  ['HS384', secret('a'), secret('b')],
  ['HS512', secret('a'), secret('b')],
];

function signed(alg: Algorithm, { signs }: Pair): Promise<string> {
  return new SignJWT({ sub: 'somebody' }).setProtectedHeader({ alg }).sign(signs);
}

/** The ways in which a token comes to have a signature that does not fit it. */
function spoilt(token: string): readonly string[] {
  const [head = '', body = '', signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const flipped = Buffer.from(bytes);
  flipped[3] = (flipped[3] as number) ^ 1;
  const withSignature = (other: Buffer) => `${head}.${body}.${other.toString('base64url')}`;
  return [
    `${head}.${Buffer.from('{"sub":"root"}').toString('base64url')}.${signature}`,
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.${signature}`,
    withSignature(flipped),
    withSignature(bytes.subarray(1)),
    withSignature(Buffer.concat([bytes, Buffer.from([0])])),
    withSignature(Buffer.alloc(bytes.length)),
    withSignature(Buffer.alloc(0)),
  ];
}

for (const [algorithm, key, other] of LOOKED_AT) {
  test(`a signature that does not fit is found out in place: ${algorithm}`, async (t) => {
    const token = await signed(algorithm, key);
    t.false(await isForged(token, algorithm, key.checks), 'as jose signed it');
    t.true(await isForged(token, algorithm, other.checks), 'another key');
    for (const bad of spoilt(token)) t.true(await isForged(bad, algorithm, key.checks), bad);
  });
}

test('an RSA signature is held against the padding and the hash of its algorithm alone', async (t) => {
  const pkcs1 = await signed('RS256', RSA);
  t.true(await isForged(pkcs1, 'PS256', RSA.checks));
  t.true(await isForged(pkcs1, 'RS384', RSA.checks));
  t.true(await isForged(await signed('PS256', RSA), 'RS256', RSA.checks));
});

for (const [algorithm, key] of [
  ['ES384', curve('P-384')],
  ['ES512', curve('P-521')],
  ['EdDSA', paired(generateKeyPairSync('ed25519'))],
  ['RS256', rsa(4352)],
] as const) {
  test(`what takes long is left to jose and its threads: ${algorithm} with ${key.checks.asymmetricKeyType}`, async (t) => {
    const [bad = ''] = spoilt(await signed(algorithm, key));
    t.false(isForged(bad, algorithm, key.checks), 'at once, and without an opinion');
  });
}

test('a look that fails says nothing, and those beside it are told all the same', async (t) => {
  const token = await signed('RS256', RSA);
  const [bad = ''] = spoilt(token);
  // A private key with which HMAC can do nothing: what a defect would come to.
  const looks = [
    isForged(bad, 'RS256', RSA.checks),
    isForged(bad, 'HS256', RSA.signs),
    isForged(token, 'RS256', RSA.checks),
    isForged(bad, 'RS256', RSA.checks),
  ];
  t.deepEqual(await Promise.all(looks), [true, false, false, true]);
});

// Serial, since all looks of a process stand in one line.
test.serial('of a flood a few are looked at in each turn, more where many wait, and all in the end', async (t) => {
  const [bad = ''] = spoilt(await signed('RS256', RSA));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  for (const [waiting, inOneTurn] of [
    [100, 8],
    [1280, 20],
  ] as const) {
    let told = 0;
    const all = Array.from({ length: waiting }, async () => {
      await isForged(bad, 'RS256', RSA.checks);
      told += 1;
    });
    await turn();
    t.is(told, inOneTurn);
    await Promise.all(all);
    t.is(told, waiting);
  }
});
