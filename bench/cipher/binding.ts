/** Our way to the cipher library: seals and opens blocks as the engine does. Run as a program it prints both rates. */
import { silentLogger } from '../../src/base/log.ts';
import { BLOCK_SIZE_BYTES } from '../../src/base/units.ts';
import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from '../../src/crypto/aead.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { selectCipherBackend } from '../../src/crypto/cipher-backend.ts';

/** MB of contents per second of processor time, which others at work on the machine do not change. */
export interface CipherRates {
  readonly seal: number;
  readonly open: number;
}

const BLOCKS = 256;
const BATCH = 64;
/** What the engine seals beside each block. */
const META_SIZE_BYTES = 16;

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** @param bodySizeBytes 4096, or less to learn what a call costs without its bytes. */
export function bindingRates(suite: Suite, seconds: number, bodySizeBytes = BLOCK_SIZE_BYTES): CipherRates {
  const aead = selectCipherBackend(silentLogger).createAead(suite, new Uint8Array(KEY_SIZE_BYTES[suite]).fill(1));
  const slotSize = bodySizeBytes + META_SIZE_BYTES + TAG_SIZE_BYTES;
  const bodies = Buffer.alloc(BLOCKS * bodySizeBytes);
  const slots = Buffer.alloc(BLOCKS * slotSize);
  const nonce = new Uint8Array(NONCE_SIZE_BYTES);
  const meta = new Uint8Array(META_SIZE_BYTES);
  const none = new Uint8Array(0);
  const rate = (each: (body: Uint8Array, slot: Uint8Array) => void): number => {
    const all = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const at = i % BLOCKS;
        nonce[0] = at;
        const body = bodies.subarray(at * bodySizeBytes, (at + 1) * bodySizeBytes);
        each(body, slots.subarray(at * slotSize, (at + 1) * slotSize));
      }
    };
    // Compiled and touched before it counts.
    for (let warm = 0; warm < 16; warm++) all(BLOCKS);
    let done = 0;
    let spent = 0;
    for (const start = processorSeconds(); spent < seconds; spent = processorSeconds() - start) {
      all(BLOCKS + BATCH);
      done += BLOCKS + BATCH;
    }
    return (done * bodySizeBytes) / spent / 1e6;
  };
  const seal = rate((body, slot) => aead.seal(nonce, none, body, meta, slot));
  // Every slot as the nonce of its place has it, whatever the batches above ended with.
  for (let at = 0; at < BLOCKS; at++) {
    nonce[0] = at;
    const body = bodies.subarray(at * bodySizeBytes, (at + 1) * bodySizeBytes);
    aead.seal(nonce, none, body, meta, slots.subarray(at * slotSize, (at + 1) * slotSize));
  }
  const open = rate((body, slot) => {
    if (!aead.open(nonce, none, slot, body, meta)) throw new Error('a block of the benchmark did not open');
  });
  aead.wipe();
  return { seal, open };
}

if (import.meta.main) {
  const [suite = '', seconds = '1'] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(bindingRates(suite as Suite, Number(seconds))));
}
