import type { Suite } from '../../crypto/aead.ts';

/** How suites are written in every format. */
export const SUITE_CODES: Readonly<Record<Suite, number>> = { 'aes-256-gcm': 1, 'sm4-gcm': 2 };

export function suiteOfCode(code: number): Suite | undefined {
  if (code === SUITE_CODES['aes-256-gcm']) return 'aes-256-gcm';
  if (code === SUITE_CODES['sm4-gcm']) return 'sm4-gcm';
  return undefined;
}
