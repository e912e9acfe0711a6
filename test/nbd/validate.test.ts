import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as nbd from '../../src/nbd/protocol.ts';
import { refuse } from '../../src/nbd/validate.ts';
import type { ServedExport } from '../../src/nbd/validate.ts';

const MiB = 2 ** 20;
const SERVED: ServedExport = {
  sizeBytes: 100 * MiB,
  readOnly: false,
  preferredBlockBytes: 4096,
  headers: 'structured',
  blockStatus: true,
};
const { NBD_CMD_READ: READ, NBD_CMD_WRITE: WRITE, NBD_CMD_FLUSH: FLUSH, NBD_CMD_TRIM: TRIM } = nbd;
const { NBD_CMD_CACHE: CACHE, NBD_CMD_WRITE_ZEROES: ZERO, NBD_CMD_BLOCK_STATUS: STATUS } = nbd;
const { NBD_EINVAL: EINVAL, NBD_ENOSPC: ENOSPC, NBD_EPERM: EPERM, NBD_ENOTSUP: ENOTSUP } = nbd;
const FUA = nbd.NBD_CMD_FLAG_FUA;
const { NBD_CMD_FLAG_NO_HOLE: NO_HOLE, NBD_CMD_FLAG_DF: DF } = nbd;
const { NBD_CMD_FLAG_REQ_ONE: ONE, NBD_CMD_FLAG_FAST_ZERO: FAST } = nbd;
const END = SERVED.sizeBytes;
const HALVES = { cookieHigh: 0, cookieLow: 0, offsetHigh: 0, offsetLow: 0 };
const { NBD_CMD_FLAG_PAYLOAD_LEN: PAYLOAD } = nbd;
const EXTENDED = { headers: 'extended' } as const;

// proto.md, "Request types" and "Error values".
const TABLE: readonly [
  string,
  type: number,
  flags: number,
  offset: number,
  length: number,
  want: number,
  Partial<ServedExport>?,
][] = [
  ['read', READ, 0, 0, 4096, 0],
  ['read of the last byte', READ, 0, END - 1, 1, 0],
  ['read of nothing at the end', READ, 0, END, 0, 0],
  ['read past the end', READ, 0, END - 1, 2, EINVAL],
  ['read far past the end', READ, 0, 2 ** 64, 1, EINVAL],
  ['read with FUA', READ, FUA, 0, 1, 0],
  ['read of 32 MiB', READ, 0, 0, 32 * MiB, 0],
  ['read of more', READ, 0, 0, 32 * MiB + 1, EINVAL],
  ['read unfragmented', READ, DF, 0, 1, 0],
  ['read unfragmented without structured replies', READ, DF, 0, 1, EINVAL, { headers: 'simple' }],
  ['read with another command’s flag', READ, NO_HOLE, 0, 1, EINVAL],
  ['read with an unknown flag', READ, 0x8000, 0, 1, EINVAL],
  ['read of a read-only export', READ, 0, 0, 1, 0, { readOnly: true }],
  ['write', WRITE, 0, 0, 4096, 0],
  ['write with FUA', WRITE, FUA, 0, 4096, 0],
  ['write past the end', WRITE, 0, END - 1, 2, ENOSPC],
  ['write of 32 MiB', WRITE, 0, 0, 32 * MiB, 0],
  ['write of more', WRITE, 0, 0, 32 * MiB + 1, EINVAL],
  ['write of the most', WRITE, 0, 0, 0xffffffff, EINVAL],
  ['write to a read-only export', WRITE, 0, 0, 1, EPERM, { readOnly: true }],
  ['write with a flag of read', WRITE, DF, 0, 1, EINVAL],
  ['flush', FLUSH, 0, 0, 0, 0],
  ['flush with FUA', FLUSH, FUA, 0, 0, 0],
  ['flush of a range', FLUSH, 0, 0, 4096, EINVAL],
  ['flush at an offset', FLUSH, 0, 4096, 0, EINVAL],
  ['flush of a read-only export', FLUSH, 0, 0, 0, 0, { readOnly: true }],
  ['trim of everything', TRIM, 0, 0, END, 0],
  ['trim with FUA', TRIM, FUA, 0, 1, 0],
  ['trim past the end', TRIM, 0, END, 1, EINVAL],
  ['trim of a read-only export', TRIM, 0, 0, 1, EPERM, { readOnly: true }],
  ['cache', CACHE, 0, 0, END, 0],
  ['cache with FUA', CACHE, FUA, 0, 1, 0],
  ['cache with an unknown flag', CACHE, ONE, 0, 1, EINVAL],
  ['cache past the end', CACHE, 0, END, 1, EINVAL],
  ['zero of everything', ZERO, 0, 0, END, 0],
  ['zero with FUA and no hole', ZERO, FUA | NO_HOLE, 1, 1, 0],
  ['zero past the end', ZERO, 0, END, 1, ENOSPC],
  ['zero of a read-only export', ZERO, 0, 0, 1, EPERM, { readOnly: true }],
  ['fast zero of blocks', ZERO, FAST, 4096, 8192, 0],
  ['fast zero of a part of a block', ZERO, FAST, 4096, 512, ENOTSUP],
  ['fast zero from within a block', ZERO, FAST, 512, 4096, ENOTSUP],
  ['fast zero that keeps space', ZERO, FAST | NO_HOLE, 0, 4096, ENOTSUP],
  ['status', STATUS, 0, 0, END, 0],
  ['status of one extent', STATUS, ONE | FUA, 0, 1, 0],
  ['status of nothing', STATUS, 0, 0, 0, EINVAL],
  ['status past the end', STATUS, 0, END, 1, EINVAL],
  ['status without its context', STATUS, 0, 0, 1, EINVAL, { blockStatus: false }],
  ['status with a payload in compact headers', STATUS, PAYLOAD, 0, 12, EINVAL],
  ['status of chosen contexts', STATUS, PAYLOAD, 0, 12, 0, EXTENDED],
  ['status of more contexts than can be selected', STATUS, PAYLOAD, 0, 8 + 4 * 17, EINVAL, EXTENDED],
  ['extended write', WRITE, PAYLOAD, 0, 4096, 0, EXTENDED],
  ['extended write without its payload', WRITE, 0, 0, 4096, EINVAL, EXTENDED],
  ['compact write with the flag of extended ones', WRITE, PAYLOAD, 0, 4096, EINVAL],
  ['extended read with a payload', READ, PAYLOAD, 0, 4096, EINVAL, EXTENDED],
  ['extended flush with a payload', FLUSH, PAYLOAD, 0, 4096, EINVAL, EXTENDED],
  ['extended trim of everything', TRIM, 0, 0, END, 0, EXTENDED],
  ['extended zero past 2^63', ZERO, 0, 0, 2 ** 63, ENOSPC, EXTENDED],
  ['extended status of everything', STATUS, 0, 0, END, 0, EXTENDED],
  ['resize, an extension', 8, 0, 0, 1, EINVAL],
  ['an unknown command', 0xffff, 0, 0, 0, EINVAL],
];

for (const [name, type, flags, offset, length, want, facts] of TABLE) {
  test(`${name}: ${want === 0 ? 'goes to the export' : `error ${want}`}`, () => {
    const refusal = refuse({ ...HALVES, type, flags, offset, length }, { ...SERVED, ...facts });
    assert.equal(refusal?.error ?? 0, want);
  });
}
