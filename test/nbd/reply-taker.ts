import assert from 'node:assert/strict';

import * as nbd from '../../src/nbd/protocol.ts';
import * as wire from '../../src/nbd/reply-wire.ts';
import type { Headers } from '../../src/nbd/validate.ts';
import type { RawPeer } from './raw-peer.ts';

interface Reply {
  readonly cookie: number;
  content: Buffer;
  /** Content came from the beginning of the range up to here. */
  covered: number;
  error: number;
}

type Asked = (cookie: number) => { readonly offset: number; readonly content: Buffer | undefined } | undefined;

/** Puts replies together, in the form that was negotiated. Chunks of several may come in turns. */
export class ReplyTaker {
  readonly #peer: RawPeer;
  readonly #headers: Headers;
  readonly #asked: Asked;
  readonly #begun = new Map<number, Reply>();

  /** @param asked what a cookie belongs to; `content` is there for a read that should succeed. */
  constructor(peer: RawPeer, headers: Headers, asked: Asked) {
    this.#peer = peer;
    this.#headers = headers;
    this.#asked = asked;
  }

  /** The next reply that is whole. */
  async take(): Promise<Readonly<Reply>> {
    const extended = this.#headers === 'extended';
    for (;;) {
      const magic = await this.#peer.take(4);
      const left = await this.#peer.take(wire.replyHeaderBytes(magic.readUInt32BE(0), extended) - 4);
      const header = wire.decodeReplyHeader(Buffer.concat([magic, left]), extended);
      const cookie = header.cookieLow;
      const { offset = 0, content = Buffer.alloc(0) } = this.#asked(cookie) ?? {};
      const fresh = { cookie, content: Buffer.alloc(content.length, 0xcc), covered: 0, error: 0 };
      const reply = this.#begun.get(cookie) ?? fresh;
      this.#begun.set(cookie, reply);
      if (header.kind === 'simple') {
        reply.error = header.error;
        if (header.error === 0 && this.#headers === 'simple') reply.content = await this.#peer.take(content.length);
      } else {
        assert.notEqual(this.#headers, 'simple');
        absorb(reply, offset, header.type, await this.#peer.take(header.lengthBytes), extended);
        if (!header.done) continue;
        assert.ok(reply.error !== 0 || reply.covered === content.length, 'a read is answered whole');
      }
      this.#begun.delete(cookie);
      return reply;
    }
  }
}

function absorb(reply: Reply, offset: number, type: number, payload: Buffer, extended: boolean): void {
  if (type === nbd.NBD_REPLY_TYPE_OFFSET_DATA) {
    assert.equal(wire.decodeOffset(payload), offset + reply.covered);
    payload.copy(reply.content, reply.covered, wire.OFFSET_BYTES);
    reply.covered += payload.length - wire.OFFSET_BYTES;
  } else if (type === nbd.NBD_REPLY_TYPE_OFFSET_HOLE) {
    const hole = wire.decodeHole(payload);
    assert.equal(hole.offset, offset + reply.covered);
    reply.content.fill(0, reply.covered, reply.covered + hole.lengthBytes);
    reply.covered += hole.lengthBytes;
  } else if ((type & nbd.NBD_REPLY_TYPE_ERROR_BIT) !== 0) {
    ({ error: reply.error } = wire.decodeErrorChunk(payload));
  } else if (type !== nbd.NBD_REPLY_TYPE_NONE) {
    wire.decodeBlockStatus(payload, extended);
  }
}
