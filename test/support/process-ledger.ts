/**
 * A nonce ledger of many processes: each appends what it seals to one file outside every data directory, so that no
 * crash, restore or copy of a data directory takes an entry back. Only test builds and test programs use it.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { openSync, readFileSync, writeSync } from 'node:fs';
import process from 'node:process';

import type { Aead, CipherBackend } from '../../src/crypto/aead.ts';

const FINGERPRINT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ENTRY_BYTES = FINGERPRINT_BYTES + NONCE_BYTES + TAG_BYTES + 4;

/** Seals through `inner`, opens again what was sealed, and writes it down before anybody has it. */
export function ledgered(inner: CipherBackend, file: string): CipherBackend {
  const fd = openSync(file, 'a', 0o600);
  return {
    name: `${inner.name}, with a ledger`,
    createAead: (suite, key): Aead => {
      const aead = inner.createAead(suite, key);
      const fingerprint = createHash('sha256').update(suite).update(key).digest().subarray(0, FINGERPRINT_BYTES);
      return {
        suite,
        seal: (nonce, aad, plaintext, tail, sealed) => {
          aead.seal(nonce, aad, plaintext, tail, sealed);
          const [body, end] = [new Uint8Array(plaintext.length), new Uint8Array(tail.length)];
          assert.ok(aead.open(nonce, aad, sealed, body, end), 'what was sealed opens');
          assert.ok(Buffer.compare(body, plaintext) === 0 && Buffer.compare(end, tail) === 0, 'and is the message');
          const pid = Buffer.alloc(4);
          pid.writeUInt32LE(process.pid);
          const entry = Buffer.concat([fingerprint, nonce, sealed.subarray(sealed.length - TAG_BYTES), pid]);
          assert.equal(writeSync(fd, entry), ENTRY_BYTES);
        },
        open: (nonce, aad, sealed, plaintext, tail) => aead.open(nonce, aad, sealed, plaintext, tail),
        wipe: () => aead.wipe(),
      };
    },
  };
}

export interface LedgerRead {
  readonly seals: number;
  readonly keys: number;
  readonly processes: number;
  /** Pairs of key and nonce that sealed more than one message. */
  readonly repeats: number;
}

export function readLedger(file: string): LedgerRead {
  const bytes = readFileSync(file);
  const tags = new Map<string, string>();
  const keys = new Set<string>();
  const processes = new Set<number>();
  let repeats = 0;
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const pair = bytes.toString('latin1', at, at + FINGERPRINT_BYTES + NONCE_BYTES);
    const tag = bytes.toString('latin1', at + FINGERPRINT_BYTES + NONCE_BYTES, at + ENTRY_BYTES - 4);
    keys.add(pair.slice(0, FINGERPRINT_BYTES));
    processes.add(bytes.readUInt32LE(at + ENTRY_BYTES - 4));
    const known = tags.get(pair);
    if (known !== undefined && known !== tag) repeats += 1;
    tags.set(pair, tag);
  }
  return { seals: Math.floor(bytes.length / ENTRY_BYTES), keys: keys.size, processes: processes.size, repeats };
}

/** Fails on any pair of key and nonce that sealed two messages, and when nothing was sealed. */
export function checkLedger(file: string): LedgerRead {
  const read = readLedger(file);
  assert.ok(read.seals > 0, 'something was sealed');
  assert.equal(read.repeats, 0, `${read.repeats} nonces were used for two messages under one key`);
  return read;
}
