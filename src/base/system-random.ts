import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

import type { Random } from './random.ts';
import { wipeableBytes } from './wipeable-bytes.ts';

/** Bytes straight from the kernel, which reseeds when a virtual machine is cloned; OpenSSL's own generator does not. */
function kernelBytes(length: number): Uint8Array {
  const fd = openSync('/dev/urandom', 'r');
  try {
    const out = wipeableBytes(length);
    let filled = 0;
    while (filled < length) filled += readSync(fd, out, filled, length - filled, null);
    return out;
  } finally {
    closeSync(fd);
  }
}

export const systemRandom: Random = {
  bytes: (length) => {
    const out = kernelBytes(length);
    // Two independent sources: whoever predicts one still lacks the other.
    const second = randomBytes(length);
    for (let i = 0; i < length; i++) out[i] = (out[i] ?? 0) ^ (second[i] ?? 0);
    second.fill(0);
    return out;
  },
};
