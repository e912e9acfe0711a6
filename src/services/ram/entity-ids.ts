import type { Random } from '../../base/random.ts';

const FIRST_DIGIT = { user: 2, role: 3, group: 4 } as const;

/** The id of a user, role or group: 18 digits, of which the first tells the kind. */
export function freshEntityId(kind: keyof typeof FIRST_DIGIT, random: Random): string {
  const number = Buffer.from(random.bytes(8)).readBigUInt64LE() % 10n ** 17n;
  return `${FIRST_DIGIT[kind]}${number.toString().padStart(17, '0')}`;
}
