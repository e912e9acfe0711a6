/**
 * Peers that say almost what a client says: conversations made of valid and nearly valid parts, with bytes changed, sent in
 * pieces of any size and cut off anywhere. Beside them a client on another export works on, undisturbed.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import path from 'node:path';

import { MiB } from '../../src/base/units.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { encodeClientFlags, encodeInfoRequest, encodeOption } from '../../src/nbd/handshake-wire.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import { encodeRequest } from '../../src/nbd/request-wire.ts';
import { mutate } from '../fuzz/mutate.ts';
import { Seeded } from '../sim/seeded.ts';
import { serveMemory, until } from './fixture.ts';
import { MemoryExport } from './memory-export.ts';

const DISK_BYTES = 2 * MiB;
const PEERS_AT_ONCE = 8;
/** Above what is there before the first peer; the server's own bounds are far below. */
const GROWTH_BYTES_MAX = 768 * MiB;
const EDGES = [0, 1, 511, 4096, 65_536, DISK_BYTES - 1, DISK_BYTES, 2 ** 25, 2 ** 25 + 1, 2 ** 31, 2 ** 32 - 1];

export interface NbdFuzzed {
  conversations: number;
  /** That reached the export. */
  requests: number;
  sentBytes: number;
  receivedBytes: number;
}

export async function fuzzNbd(seed: number, seconds: number): Promise<NbdFuzzed> {
  const random = new Seeded(seed);
  const reached: NbdFuzzed = { conversations: 0, requests: 0, sentBytes: 0, receivedBytes: 0 };
  await using served = await serveMemory({
    sizeBytes: DISK_BYTES,
    limits: { handshakeMs: 2_000, tlsHandshakeMs: 1_000 },
  });
  served.disk.dirtyBlocks.set('b0', new Set([1, 2, 5]));
  const socketPath = path.join(served.folder, 'sockets', 'other.sock');
  const keys = { identity: 'id.other', psk: Buffer.alloc(32, 9), socketPath };
  served.directory.add('other', new MemoryExport(MiB), keys);
  await served.server.listenUnix(socketPath);
  await using worker = await NbdClient.connect({ unixSocket: socketPath }, 'other');
  const before = process.memoryUsage.rss();
  const end = performance.now() + seconds * 1_000;
  let round = 0;
  do {
    round += 1;
    const targets = [{ path: served.socketPath }, { path: served.socketPath }, served.tcp];
    const peers = Array.from({ length: PEERS_AT_ONCE }, () => {
      const bytes = conversation(random);
      reached.sentBytes += bytes.length;
      return talk(random, random.pick(targets), bytes);
    });
    const block = Buffer.alloc(4096, round);
    const offset = (round % 200) * 4096;
    await worker.write(offset, block);
    assert.ok(block.equals(await worker.read(offset, 4096)), `seed ${seed}, round ${round}: the other export`);
    for (const received of await Promise.all(peers)) reached.receivedBytes += received;
    reached.conversations += PEERS_AT_ONCE;
    reached.requests += served.disk.calls.length;
    served.disk.calls.length = 0;
    const growth = process.memoryUsage.rss() - before;
    assert.ok(growth < GROWTH_BYTES_MAX, `seed ${seed}, round ${round}: ${growth} bytes of memory more`);
  } while (performance.now() < end);
  await until(() => served.server.connections('disk') === 0);
  return reached;
}

/** A peer's whole side, which does not wait for answers. */
function conversation(random: Seeded): Buffer {
  const extended = random.chance(0.4);
  // Every other one gets as far as to requests for sure.
  const isTame = random.chance(0.5);
  const parts: Buffer[] = [Buffer.from(encodeClientFlags(isTame || random.chance(0.9) ? 3 : random.uint32()))];
  if (extended) parts.push(Buffer.from(encodeOption(nbd.NBD_OPT_EXTENDED_HEADERS)));
  if (!isTame) for (let i = random.below(5); i > 0; i--) parts.push(option(random));
  if (isTame || random.chance(0.8)) {
    const info = encodeInfoRequest({ exportName: 'disk', items: random.chance(0.5) ? [3] : [] });
    parts.push(Buffer.from(encodeOption(nbd.NBD_OPT_GO, info)));
  } else parts.push(Buffer.from(encodeOption(nbd.NBD_OPT_EXPORT_NAME, Buffer.from('disk'))));
  const negotiated = parts.reduce((sum, part) => sum + part.length, 0);
  for (let i = random.below(12); i > 0; i--) parts.push(...request(random, extended, isTame));
  if (random.chance(0.5)) parts.push(...command(random, nbd.NBD_CMD_DISC, 0, 0, 0, extended));
  const whole = Buffer.concat(parts);
  // Valid up to a point: what comes later is only reached by peers that are believed first.
  if (random.chance(0.3)) return whole;
  const kept = isTame ? negotiated + random.below(whole.length - negotiated + 1) : random.below(whole.length);
  const fields = Array.from(
    { length: 4 },
    () => [random.below(whole.length - kept + 1), random.pick([1, 2, 4, 8])] as const,
  );
  return Buffer.concat([whole.subarray(0, kept), mutate(random, whole.subarray(kept), fields, parts)]);
}

function option(random: Seeded): Buffer {
  const type = random.pick([1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, random.uint32()]);
  const name = Buffer.from(random.pick(['disk', 'other', '', 'x'.repeat(4_097)]));
  const queries = [nbd.BASE_ALLOCATION, 'base:', 'qemu:', `${nbd.QEMU_DIRTY_BITMAP}b0`, 'x:', ''];
  const count = random.below(5);
  const u32 = (value: number): Buffer => {
    const out = Buffer.alloc(4);
    out.writeUInt32BE(value);
    return out;
  };
  const listed = Array.from({ length: count }, () => {
    const query = Buffer.from(random.pick(queries));
    return Buffer.concat([u32(random.chance(0.9) ? query.length : random.uint32()), query]);
  });
  const data = random.pick([
    Buffer.alloc(0),
    Buffer.concat([u32(random.chance(0.9) ? name.length : random.pick(EDGES)), name, u32(count), ...listed]),
    Buffer.from(random.bytes(random.below(200))),
    Buffer.concat([u32(name.length), name, Buffer.from([0, count]), Buffer.from(random.bytes(2 * count))]),
  ]);
  const whole = Buffer.from(encodeOption(type % 2 ** 32, data));
  if (random.chance(0.1)) whole.writeUInt32BE(random.pick(EDGES), 12);
  return whole;
}

function request(random: Seeded, extended: boolean, isTame: boolean): Buffer[] {
  if (isTame && random.chance(0.8)) {
    const [length, flags] = [1 + random.below(20_000), random.chance(0.2) ? nbd.NBD_CMD_FLAG_FUA : 0];
    return command(random, random.pick([0, 1, 4, 5, 6]), flags, random.below(DISK_BYTES - length), length, extended);
  }
  const type = random.pick([0, 0, 1, 1, 3, 4, 5, 6, 7, 7, 8, 255, 65_535]);
  const flags = random.chance(0.7) ? random.pick([0, 1, 2, 4, 8, 16, 32]) : random.below(65_536);
  const offset = random.chance(0.7) ? random.below(DISK_BYTES) : random.pick(EDGES);
  const length = random.chance(0.7) ? 1 + random.below(70_000) : random.pick(EDGES);
  return command(random, type, flags, offset, length, extended);
}

function command(
  random: Seeded,
  type: number,
  flags: number,
  offset: number,
  length: number,
  extended: boolean,
): Buffer[] {
  const header = Buffer.alloc(extended ? 32 : 28);
  encodeRequest(header, 0, { type, flags, cookie: random.below(1_000), offset, length }, extended);
  // What is announced and never sent is a peer that hangs up.
  const payload = type === nbd.NBD_CMD_WRITE ? Buffer.alloc(Math.min(length, 80_000), length % 256) : Buffer.alloc(0);
  return [header, payload];
}

/** Says it in pieces, reads (or does not), and hangs up; answers how much came back. */
function talk(
  random: Seeded,
  target: { readonly path: string } | { readonly host: string; readonly port: number },
  bytes: Buffer,
): Promise<number> {
  const sizes = random.pick([[1], [1, 2, 3, 17], [1_000], [100_000]]);
  const isDeaf = random.chance(0.15);
  const holdsOn = random.chance(0.1);
  return new Promise((resolve) => {
    let received = 0;
    const socket = connect(target);
    if (isDeaf) socket.pause();
    else socket.on('data', (chunk: Buffer) => (received += chunk.length));
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(received));
    let at = 0;
    // Byte by byte for as long as it stays quick.
    const piece = (): number => (at > 600 ? 100_000 : random.pick(sizes));
    const next = (): void => {
      if (socket.destroyed) return;
      if (at >= bytes.length) {
        if (holdsOn) setTimeout(() => socket.destroy(), 30);
        else if (isDeaf) socket.destroy();
        else socket.end();
        return;
      }
      const part = bytes.subarray(at, at + piece());
      at += part.length;
      socket.write(part);
      setImmediate(next);
    };
    socket.once('connect', next);
    // A server that waits for more than there is must not keep a peer that has said all.
    setTimeout(() => socket.destroy(), 1_500).unref();
  });
}
