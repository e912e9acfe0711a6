import assert from 'node:assert/strict';

import * as nbd from '../../src/nbd/protocol.ts';
import * as wire from '../../src/nbd/reply-wire.ts';
import type { Headers } from '../../src/nbd/validate.ts';
import type { RawPeer } from './raw-peer.ts';

/**
 * One whole reply in the form that was negotiated. Its chunks come one after the other, which the protocol does not
 * promise but this server does.
 * @param asked what that cookie belongs to; `content` is there for a read that should succeed.
 */
export async function takeReply(
  peer: RawPeer,
  headers: Headers,
  asked: (cookie: number) => { readonly offset: number; readonly content: Buffer | undefined } | undefined,
): Promise<{ readonly cookie: number; readonly error: number; readonly content: Buffer }> {
  const extended = headers === 'extended';
  let content: Buffer | undefined;
  let error = 0;
  for (let covered = 0; ;) {
    const magic = await peer.take(4);
    const left = await peer.take(wire.replyHeaderBytes(magic.readUInt32BE(0), extended) - 4);
    const header = wire.decodeReplyHeader(Buffer.concat([magic, left]), extended);
    const cookie = header.cookieLow;
    const { offset = 0, content: want } = asked(cookie) ?? {};
    content ??= Buffer.alloc(want?.length ?? 0, 0xcc);
    if (header.kind === 'simple') {
      if (header.error === 0 && headers === 'simple') content = await peer.take(content.length);
      return { cookie, error: header.error, content };
    }
    assert.notEqual(headers, 'simple');
    const payload = await peer.take(header.lengthBytes);
    if (header.type === nbd.NBD_REPLY_TYPE_OFFSET_DATA) {
      assert.equal(wire.decodeOffset(payload), offset + covered);
      payload.copy(content, covered, wire.OFFSET_BYTES);
      covered += payload.length - wire.OFFSET_BYTES;
    } else if (header.type === nbd.NBD_REPLY_TYPE_OFFSET_HOLE) {
      const { lengthBytes, offset: at } = wire.decodeHole(payload);
      assert.equal(at, offset + covered);
      content.fill(0, covered, covered + lengthBytes);
      covered += lengthBytes;
    } else if ((header.type & nbd.NBD_REPLY_TYPE_ERROR_BIT) !== 0) {
      ({ error } = wire.decodeErrorChunk(payload));
    } else if (header.type !== nbd.NBD_REPLY_TYPE_NONE) {
      wire.decodeBlockStatus(payload, extended);
    }
    if (!header.done) continue;
    assert.equal(error !== 0 || covered === content.length, true, 'a read is answered whole');
    return { cookie, error, content };
  }
}
