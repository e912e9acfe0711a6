// Conversations of random content over real sockets whose outcome is known: what must be answered to everything that is said.
import assert from 'node:assert/strict';

import { NbdClient } from '../../src/nbd/client.ts';
import * as wire from '../../src/nbd/handshake-wire.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import type { Headers } from '../../src/nbd/validate.ts';
import { Seeded } from '../sim/seeded.ts';
import { serveMemory, until } from './fixture.ts';
import { BLOCK, planRequests } from './planned-requests.ts';
import { MemoryExport } from './memory-export.ts';
import { RawPeer } from './raw-peer.ts';
import { ReplyTaker } from './reply-taker.ts';

const SIZE_BYTES = 64 * 16 * BLOCK;
const HANG_MS = 20_000;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
type Served = Awaited<ReturnType<typeof serveMemory>>;

export interface Conversed {
  readonly conversations: number;
  readonly options: number;
  readonly requests: number;
}

/**
 * Runs conversations for so many seconds, at least 20 of them. The same seed gives the same conversations.
 * @param only ends with that conversation, to look at a failure.
 * @throws Error that names seed and conversation.
 */
export async function converse(seed: number, seconds: number, only?: number): Promise<Conversed> {
  // Low limits, so that conversations stop and go on.
  const limits = { bytesInFlightMax: 100_000, requestsInFlightMax: 8 };
  await using served = await serveMemory({ sizeBytes: SIZE_BYTES, limits });
  served.disk.dirtyBlocks.set('b', new Set([1, 3]));
  await using witness = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  served.directory.add('noise', new MemoryExport(BLOCK * 16), { socketPath: served.socketPath });
  await using noisy = await NbdClient.connect({ unixSocket: served.socketPath }, 'noise');
  const model = Buffer.from(served.disk.bytes);
  const counts = { conversations: 0, options: 0, requests: 0 };
  const end = performance.now() + seconds * 1000;
  for (let i = 0; i < 20 || performance.now() < end; i++) {
    if (only !== undefined && i > only) break;
    const dice = new Seeded(seed * 1_000_003 + i);
    const kind = dice.pick([transmission, transmission, haggling, beforeTls]);
    const stuck = Promise.withResolvers<never>();
    const watchdog = setTimeout(() => stuck.reject(new Error('it hangs')), HANG_MS);
    try {
      const conversation = kind(served, dice, model, counts);
      await Promise.race([conversation, stuck.promise, noise(noisy, conversation)]);
      await Promise.race([witness.flush(), stuck.promise]);
      counts.conversations += 1;
    } catch (error) {
      throw new Error(`converse(${seed}, …) failed in conversation ${i}, ${kind.name}`, { cause: error });
    } finally {
      clearTimeout(watchdog);
    }
    served.disk.calls.length = 0;
  }
  await until(() => served.server.connections('disk') === 1);
  return counts;
}

/** Another connection that writes until `done`: what it sends lies where bytes of the conversation lay before. */
async function noise(client: NbdClient, done: Promise<void>): Promise<never> {
  let running = true;
  const stop = (): void => void (running = false);
  done.then(stop, stop);
  while (running) await client.write(0, Buffer.alloc(15 * BLOCK, 0xee));
  return new Promise(() => {});
}

type Counts = { options: number; requests: number };

/** Requests of all kinds, each answered as it must be; then the end, in one of the ways there are. */
async function transmission(served: Served, dice: Seeded, model: Buffer, counts: Counts): Promise<void> {
  const headers = dice.pick<Headers>(['simple', 'structured', 'extended']);
  const planned = planRequests(dice, headers, model, 1 + dice.below(dice.pick([3, 10, 60])));
  counts.requests += planned.length;
  const options = [wire.encodeClientFlags(3), ...opening(headers), go()];
  const extended = headers === 'extended';
  const last = dice.pick([
    () => request(extended, nbd.NBD_CMD_DISC),
    // Cut off in a header, and in a payload: neither is a request.
    () => request(extended, nbd.NBD_CMD_FLUSH).subarray(0, dice.below(28)),
    () => request(extended, nbd.NBD_CMD_WRITE, 1000).subarray(0, 28 + dice.below(4)),
  ])();
  const script = [...options, ...planned.map(({ bytes }) => bytes), last];
  const peer = new RawPeer({ path: served.socketPath });
  const sent = say(peer, dice, Buffer.concat(script)).then(() => peer.socket.end());
  await peer.take(wire.SERVER_HELLO_BYTES);
  for (let ends = 0; ends < options.length - 1;) if (isFinal((await peer.optionReply()).type)) ends += 1;
  const left = new Map(planned.map((one) => [one.cookie, one]));
  const replies = new ReplyTaker(peer, headers, (cookie) => left.get(cookie));
  while (left.size > 0) {
    const reply = await replies.take();
    const want = left.get(reply.cookie);
    assert.ok(want !== undefined, `an answer to ${reply.cookie}, which was not asked or is answered already`);
    assert.equal(reply.error, want.error, `request ${reply.cookie} ${want.bytes.toString('hex', 0, 32)}`);
    if (want.error === 0 && want.content !== undefined) assert.ok(want.content.equals(reply.content));
    left.delete(reply.cookie);
  }
  await sent;
  assert.equal((await peer.rest()).length, 0, 'nothing follows');
  assert.ok(model.equals(served.disk.bytes), 'the export holds what it should');
}

/** Options, sensible and not, each of which gets exactly one final reply, in order. */
async function haggling(served: Served, dice: Seeded, _model: Buffer, counts: Counts): Promise<void> {
  const options = Array.from({ length: 1 + dice.below(12) }, () => option(dice));
  counts.options += options.length;
  const peer = new RawPeer({ path: served.socketPath });
  const abort = wire.encodeOption(nbd.NBD_OPT_ABORT);
  const script = Buffer.concat([wire.encodeClientFlags(3), ...options.map(({ bytes }) => bytes), abort]);
  const sent = say(peer, dice, script);
  await peer.take(wire.SERVER_HELLO_BYTES);
  for (const { number } of [...options, { number: nbd.NBD_OPT_ABORT }]) {
    for (let type = 0; !isFinal(type);) {
      const header = wire.decodeOptionReplyHeader(await peer.take(wire.OPTION_REPLY_HEADER_BYTES));
      await peer.take(header.lengthBytes);
      assert.equal(header.option, number);
      ({ type } = header);
    }
  }
  await sent;
  assert.equal((await peer.rest()).length, 0);
  peer.close();
}

/** On TCP, before TLS: nothing is told, and what is smuggled in behind STARTTLS is never heard. */
async function beforeTls(served: Served, dice: Seeded, _model: Buffer, counts: Counts): Promise<void> {
  const options = Array.from({ length: dice.below(4) }, () => option(dice)).filter(
    ({ number }) => number !== nbd.NBD_OPT_STARTTLS,
  );
  counts.options += options.length + 1;
  const peer = new RawPeer(served.tcp);
  const trailing = dice.pick([wire.encodeOption(nbd.NBD_OPT_LIST), go(), Buffer.from(dice.bytes(1 + dice.below(40)))]);
  const injected = dice.chance(0.5);
  const starttls = wire.encodeOption(nbd.NBD_OPT_STARTTLS);
  await peer.take(wire.SERVER_HELLO_BYTES);
  for (const { bytes } of [{ bytes: wire.encodeClientFlags(3) }, ...options]) await say(peer, dice, bytes);
  for (const _ of options) assert.equal((await peer.optionReply()).type, nbd.NBD_REP_ERR_TLS_REQD);
  peer.send(Buffer.concat([starttls, ...(injected ? [trailing] : [])]));
  if (!injected) {
    assert.equal((await peer.optionReply()).type, nbd.NBD_REP_ACK);
    // No ClientHello.
    await say(peer, dice, Buffer.concat([Buffer.of(0x47), Buffer.from(dice.bytes(20 + dice.below(200)))]));
  }
  const rest = await peer.rest();
  // At most an alert of TLS; where something was smuggled in, not even the answer to STARTTLS.
  assert.ok(!rest.includes('IHAVEOPT') && rest.length < (injected ? 1 : 30), rest.toString('hex'));
  peer.close();
}

/** Sends in one piece, byte by byte, or cut anywhere; the server reads between. */
async function say(peer: RawPeer, dice: Seeded, bytes: Buffer): Promise<void> {
  const pieces = dice.pick(['one', 'two', 'some', bytes.length < 500 ? 'bytes' : 'some']);
  const cuts = pieces === 'one' ? 0 : pieces === 'two' ? 1 : pieces === 'some' ? 1 + dice.below(20) : bytes.length;
  const at =
    pieces === 'bytes'
      ? Array.from({ length: bytes.length }, (_, i) => i)
      : Array.from({ length: cuts }, () => dice.below(bytes.length + 1)).toSorted((a, b) => a - b);
  let from = 0;
  for (const to of [...at, bytes.length]) {
    if (to > from) peer.send(bytes.subarray(from, to));
    from = Math.max(from, to);
    await turn();
  }
}

function request(extended: boolean, type: number, length = 0): Buffer {
  const out = Buffer.alloc(extended ? 32 : 28);
  out.writeUInt32BE(extended ? nbd.NBD_EXTENDED_REQUEST_MAGIC : nbd.NBD_REQUEST_MAGIC, 0);
  out.writeUInt16BE(extended && length > 0 ? nbd.NBD_CMD_FLAG_PAYLOAD_LEN : 0, 4);
  out.writeUInt16BE(type, 6);
  out.writeUInt32BE(length, extended ? 28 : 24);
  return out;
}

/** Options that lead to `headers`, with contexts where there can be any. */
function opening(headers: Headers): Buffer[] {
  if (headers === 'simple') return [];
  const contexts = { exportName: 'disk', queries: ['base:allocation', 'qemu:dirty-bitmap:b'] };
  return [
    wire.encodeOption(headers === 'extended' ? nbd.NBD_OPT_EXTENDED_HEADERS : nbd.NBD_OPT_STRUCTURED_REPLY),
    wire.encodeOption(nbd.NBD_OPT_SET_META_CONTEXT, wire.encodeMetaContextRequest(contexts)),
  ];
}

function go(): Buffer {
  return wire.encodeOption(nbd.NBD_OPT_GO, wire.encodeInfoRequest({ exportName: 'disk', items: [3] }));
}

/** One that does not end the handshake: GO and INFO of what is not there, or of what is; lists; nonsense; too long. */
function option(dice: Seeded): { readonly number: number; readonly bytes: Buffer } {
  const name = dice.pick(['', 'disk', 'other', 'x'.repeat(5000), 'a\0b']);
  const queries = dice.pick([[], ['base:'], ['qemu:', 'base:allocation'], ['y'.repeat(4097)], ['qemu:dirty-bitmap:b']]);
  const nonsense = Buffer.from(dice.bytes(dice.below(40)));
  const [number, data] = dice.pick<readonly [number, Buffer]>([
    [nbd.NBD_OPT_INFO, wire.encodeInfoRequest({ exportName: name, items: [dice.below(9), 3, 3] })],
    [nbd.NBD_OPT_GO, wire.encodeInfoRequest({ exportName: 'nowhere', items: [] })],
    [nbd.NBD_OPT_LIST, dice.chance(0.8) ? Buffer.alloc(0) : nonsense],
    [nbd.NBD_OPT_LIST_META_CONTEXT, wire.encodeMetaContextRequest({ exportName: name, queries })],
    [nbd.NBD_OPT_SET_META_CONTEXT, wire.encodeMetaContextRequest({ exportName: name, queries })],
    [nbd.NBD_OPT_SET_META_CONTEXT, nonsense],
    [nbd.NBD_OPT_STRUCTURED_REPLY, dice.chance(0.8) ? Buffer.alloc(0) : nonsense],
    [nbd.NBD_OPT_EXTENDED_HEADERS, dice.chance(0.8) ? Buffer.alloc(0) : nonsense],
    [nbd.NBD_OPT_STARTTLS, Buffer.alloc(0)],
    [12 + dice.below(2 ** 31), nonsense],
    [nbd.NBD_OPT_INFO, Buffer.alloc(65_537 + dice.below(200_000), 1)],
  ]);
  return { number, bytes: wire.encodeOption(number, data) };
}

function isFinal(type: number): boolean {
  return type === nbd.NBD_REP_ACK || type >= nbd.NBD_REP_FLAG_ERROR;
}
