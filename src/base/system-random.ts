import { createHash, randomBytes } from 'node:crypto';
import { openSync, readSync } from 'node:fs';
import process from 'node:process';

import type { Random } from './random.ts';
import { wipeableBytes } from './wipeable-bytes.ts';

/** Kept open: opening and closing it took most of the time of a call. */
let urandom: number | undefined;

/** Bytes straight from the kernel, which reseeds when a virtual machine is cloned; OpenSSL's own generator does not. */
function kernelBytes(length: number): Uint8Array {
  urandom ??= openSync('/dev/urandom', 'r');
  const out = wipeableBytes(length);
  let filled = 0;
  while (filled < length) filled += readSync(urandom, out, filled, length - filled, null);
  return out;
}

let calls = 0;

/**
 * What tells this call from the same one in a copy of this process, when a virtual machine was stopped and resumed
 * twice on a kernel that does not reseed: then both generators are copies, the moment is not. No secret by itself.
 */
function momentBytes(length: number): Uint8Array {
  calls += 1;
  const moment = `${process.hrtime.bigint()} ${process.pid} ${calls}`;
  return createHash('shake256', { outputLength: length }).update(moment).digest();
}

export const systemRandom: Random = {
  bytes: (length) => {
    const out = kernelBytes(length);
    if (length === 0) return out;
    // Independent sources: whoever predicts one still lacks the others.
    for (const other of [randomBytes(length), momentBytes(length)]) {
      for (let i = 0; i < length; i++) out[i] = (out[i] ?? 0) ^ (other[i] ?? 0);
      other.fill(0);
    }
    return out;
  },
};
