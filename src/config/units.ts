import * as z from 'zod';
import { LONGEST_TIMER } from '../clock.ts';

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

const A_DURATION = 'expected a duration with its unit, such as 250ms, 5s, 10m or 24h';
const A_SIZE = 'expected a size with its unit, such as 16KiB or 10MiB';

/** The longest duration: some of them are handed to node itself, which takes no more than one of its timers can keep. */
export const LONGEST_DURATION = LONGEST_TIMER;

/** `250ms`, `5s`, `10m`, `24h` or `7d`, as milliseconds. The example is for a field without a default. */
export const duration = (example = '90s') =>
  z
    .string({ error: A_DURATION })
    .regex(/^\d+(?:ms|s|m|h|d)$/, A_DURATION)
    .meta({ expected: A_DURATION, examples: [example] })
    .transform((text) => amount(text, MILLISECONDS))
    .refine((ms) => ms <= LONGEST_DURATION, 'is longer than 24 days, the longest time that can be waited for');

/** A duration that is more than nothing. */
export const positiveDuration = (example?: string) =>
  duration(example).refine((ms) => ms > 0, 'has to be longer than 0');

/** `512B`, `16KiB`, `10MiB` or `1GiB`, as bytes. */
export const size = () =>
  z
    .string({ error: A_SIZE })
    .regex(/^\d+(?:B|KiB|MiB|GiB)$/, A_SIZE)
    .meta({ expected: A_SIZE, examples: ['10MiB'] })
    .transform((text) => amount(text, BYTES))
    .refine((bytes) => Number.isSafeInteger(bytes), 'is larger than any size');

function amount<Unit extends string>(text: string, units: Readonly<Record<Unit, number>>): number {
  const [, digits = '', unit = ''] = /^(\d+)(\D+)$/.exec(text) ?? [];
  return Number(digits) * units[unit as Unit];
}

/** Milliseconds as an operator writes them: in the largest unit that leaves no rest. */
export const writeDuration = (ms: number): string => (ms === 0 ? '0s' : write(ms, MILLISECONDS));

/** Bytes as an operator writes them. */
export const writeSize = (bytes: number): string => write(bytes, BYTES);

function write(value: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, amount]) => value >= amount && value % amount === 0);
  const [unit, amount] = fitting.at(-1) ?? (Object.entries(units)[0] as [string, number]);
  return `${value / amount}${unit}`;
}
