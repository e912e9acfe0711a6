/** O: libgcrypt in C, compiled here and now; where that cannot be done, as seen through our binding less the calls. */
import path from 'node:path';

import { BLOCK_SIZE_BYTES } from '../../src/base/units.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { must } from '../run.ts';
import { bindingRates } from './binding.ts';
import type { CipherRates } from './binding.ts';

export interface CipherLibrary {
  rates(suite: Suite, seconds: number): Promise<CipherRates>;
  /** How its rates are made, when not in C. */
  readonly note: string | undefined;
}

const SMALL_BYTES = 16;

export async function cipherLibrary(folder: string): Promise<CipherLibrary> {
  const program = path.join(folder, 'library');
  const source = path.join(import.meta.dirname, 'library.c');
  try {
    await must('cc', ['-O2', '-o', program, source, '-lgcrypt']);
    return {
      note: undefined,
      rates: async (suite, seconds) => JSON.parse(await must(program, [suite, String(seconds)])) as CipherRates,
    };
  } catch {
    return {
      note: `no C compiler or no libgcrypt20-dev: O is our own binding at 4 KiB less its cost at ${SMALL_BYTES} bytes`,
      rates: (suite, seconds) => Promise.resolve(withoutCalls(suite, seconds)),
    };
  }
}

/** What is left of a block's time without that of a message of almost no bytes. */
function withoutCalls(suite: Suite, seconds: number): CipherRates {
  const whole = bindingRates(suite, seconds / 2);
  const small = bindingRates(suite, seconds / 2, SMALL_BYTES);
  const rate = (kind: keyof CipherRates): number =>
    (BLOCK_SIZE_BYTES - SMALL_BYTES) / (BLOCK_SIZE_BYTES / whole[kind] - SMALL_BYTES / small[kind]);
  return { seal: rate('seal'), open: rate('open') };
}
