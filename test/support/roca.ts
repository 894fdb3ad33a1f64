import { checkPrimeSync, randomBytes } from 'node:crypto';

/** The product of the first 71 primes: what Infineon's RSALib uses for keys of 2048 bits (Nemec et al. 2017, table 1). */
const PRIMORIAL = primes(71).reduce((product, prime) => product * prime, 1n);

/** A modulus of about 2048 bits whose primes have the form k·M + (65537^a mod M), as base64url. */
export function rocaModulus(): string {
  const hex = (rocaPrime() * rocaPrime()).toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
}

function rocaPrime(): bigint {
  const floor = (3n << 1022n) / PRIMORIAL; // Two primes with their two highest bits set have a product of 2048 bits.
  for (;;) {
    const k = floor + (randomBigInt(16) % (1n << 48n));
    const prime = k * PRIMORIAL + power(65537n, randomBigInt(8), PRIMORIAL);
    if (checkPrimeSync(prime)) return prime;
  }
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base % modulus, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % modulus)
    if (rest & 1n) result = (result * square) % modulus;
  return result;
}

function randomBigInt(bytes: number): bigint {
  return BigInt(`0x${randomBytes(bytes).toString('hex')}`);
}

function primes(count: number): bigint[] {
  const found: bigint[] = [];
  for (let candidate = 2n; found.length < count; candidate += 1n)
    if (found.every((prime) => candidate % prime !== 0n)) found.push(candidate);
  return found;
}
