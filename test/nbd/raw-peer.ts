import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { encodeClientFlags, encodeInfoRequest, encodeOption } from '../../src/nbd/handshake-wire.ts';
import {
  NBD_OPT_GO,
  NBD_OPT_STRUCTURED_REPLY,
  NBD_REP_META_CONTEXT,
  NBD_SIMPLE_REPLY_MAGIC,
} from '../../src/nbd/protocol.ts';

/** A socket that says exactly what a test makes it say. */
export class RawPeer {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => {};

  constructor(target: { readonly path: string } | { readonly host: string; readonly port: number }) {
    this.socket = connect(target);
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    this.socket.on('error', () => {});
    for (const event of ['end', 'close']) {
      this.socket.on(event, () => {
        this.#closed = true;
        this.#wake();
      });
    }
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next `length` bytes. */
  async take(length: number): Promise<Buffer> {
    while (this.#received.length < length) {
      if (this.#closed) throw new Error(`closed after ${this.#received.length} of ${length} bytes`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  /** Everything until the other side closes. */
  async rest(): Promise<Buffer> {
    while (!this.#closed) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#received;
  }

  /** One option reply: its type and data. */
  async optionReply(): Promise<{ readonly type: number; readonly data: Buffer }> {
    const header = await this.take(20);
    return { type: header.readUInt32BE(12), data: await this.take(header.readUInt32BE(16)) };
  }

  /** One reply without data: its error and cookie. */
  async simpleReply(): Promise<{ readonly error: number; readonly cookie: number }> {
    const header = await this.take(16);
    if (header.readUInt32BE(0) !== NBD_SIMPLE_REPLY_MAGIC) throw new Error('not a simple reply');
    return { error: header.readUInt32BE(4), cookie: header.readUInt32BE(12) };
  }

  /** From connect to transmission. */
  async go(
    exportName: string,
    options: { readonly structured?: boolean; readonly before?: readonly Buffer[] } = {},
  ): Promise<this> {
    await this.take(18);
    this.send(encodeClientFlags(3));
    const structured = options.structured === true ? [encodeOption(NBD_OPT_STRUCTURED_REPLY)] : [];
    for (const option of [...structured, ...(options.before ?? [])]) {
      this.send(option);
      let type = NBD_REP_META_CONTEXT;
      while (type === NBD_REP_META_CONTEXT) ({ type } = await this.optionReply());
    }
    this.send(encodeOption(NBD_OPT_GO, encodeInfoRequest({ exportName, items: [] })));
    while ((await this.optionReply()).type !== 1);
    return this;
  }

  close(): void {
    this.socket.destroy();
  }
}
