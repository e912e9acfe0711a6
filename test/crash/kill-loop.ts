/** A real disk server that is killed again and again under a client that writes; what was flushed must be there. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { NbdAddress } from '../../src/nbd/client-address.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress } from '../support/api.ts';
import { checkLedger } from '../support/process-ledger.ts';
import type { LedgerRead } from '../support/process-ledger.ts';
import { TestServer, until } from '../support/start-server.ts';
import { ledgeredBuild } from '../support/test-build.ts';

const BLOCK = 4096;
/** Few enough that blocks are overwritten often, and spread over the disk. */
const BLOCKS = 512;
const SPREAD = 500;

/** What each block may hold: the version that was flushed last, or any that was written since. Version 0 is zeroes. */
class Oracle {
  readonly #flushed = new Uint32Array(BLOCKS);
  readonly #since: Set<number>[] = Array.from({ length: BLOCKS }, () => new Set<number>());

  wrote(block: number, version: number): void {
    this.#since[block]?.add(version);
  }

  /** A flush that was answered: what was acknowledged before it was asked for is durable. */
  flushed(acknowledged: ReadonlyMap<number, number>): void {
    for (const [block, version] of acknowledged) {
      // Answers of flushes may overtake each other.
      this.#flushed[block] = Math.max(version, this.#flushed[block] ?? 0);
      // Writes to one block are sequential here, so older versions are out for good.
      for (const other of this.#since[block] ?? []) if (other <= version) this.#since[block]?.delete(other);
    }
  }

  /** Fixes what recovery chose: it may not change again. */
  settle(block: number, content: Uint8Array): void {
    const version = versionOf(content, block);
    const allowed = [this.#flushed[block] ?? 0, ...(this.#since[block] ?? [])];
    assert.ok(allowed.includes(version), `block ${block} holds version ${version}, allowed were ${allowed.join(', ')}`);
    this.#flushed[block] = version;
    this.#since[block]?.clear();
  }
}

/** A block that tells its place and version in every 16 bytes, so that a torn one shows. */
function stamp(block: number, version: number): Buffer {
  const content = Buffer.alloc(BLOCK);
  for (let at = 0; at < BLOCK; at += 16) {
    content.writeUInt32LE(block + 1, at);
    content.writeUInt32LE(version, at + 4);
    content.writeUInt32LE(at, at + 8);
    content.writeUInt32LE(0x5ea1d15c, at + 12);
  }
  return content;
}

function versionOf(content: Uint8Array, block: number): number {
  const buffer = Buffer.from(content);
  if (buffer.every((byte) => byte === 0)) return 0;
  const version = buffer.readUInt32LE(4);
  assert.ok(buffer.equals(stamp(block, version)), `block ${block} is torn or foreign`);
  return version;
}

const offsetOf = (block: number): number => block * SPREAD * BLOCK;

async function connectAgain(address: NbdAddress, name: string): Promise<NbdClient> {
  let client: NbdClient | undefined;
  await until('the export to be back', async () => {
    client = await NbdClient.connect(address, name).catch(() => undefined);
    return client !== undefined;
  });
  return client as unknown as NbdClient;
}

/** Writes and flushes without end; settles when the connection is lost. */
async function writeUntilLost(client: NbdClient, oracle: Oracle, nextVersion: () => number): Promise<void> {
  const acknowledged = new Map<number, number>();
  const busy = new Set<number>();
  const worker = async (): Promise<void> => {
    for (;;) {
      const block = randomInt(BLOCKS);
      if (busy.has(block)) {
        await sleep(0);
        continue;
      }
      busy.add(block);
      const version = nextVersion();
      oracle.wrote(block, version);
      const fua = randomInt(10) === 0;
      await client.write(offsetOf(block), stamp(block, version), { fua });
      if (fua) oracle.flushed(new Map([[block, version]]));
      else acknowledged.set(block, version);
      busy.delete(block);
      if (randomInt(20) === 0) {
        const before = new Map(acknowledged);
        await client.flush();
        oracle.flushed(before);
        for (const [flushedBlock, flushedVersion] of before) {
          if (acknowledged.get(flushedBlock) === flushedVersion) acknowledged.delete(flushedBlock);
        }
      }
    }
  };
  await Promise.allSettled(Array.from({ length: 8 }, worker));
}

/** Kills the disk server of one disk `kills` times. Answers what was sealed meanwhile, by all its processes. */
export async function killLoop(spec: string, kills: number): Promise<LedgerRead & { readonly writes: number }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-ledger-'));
  const ledger = path.join(folder, 'ledger');
  using build = ledgeredBuild(ledger);
  try {
    await using server = await TestServer.start({ sealdisk: build.sealdisk });
    const writes = await killUnderWrites(server, spec, kills);
    return { ...checkLedger(ledger), writes };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function killUnderWrites(server: TestServer, spec: string, kills: number): Promise<number> {
  const api = new Api(server);
  await api.openKms();
  await api.authorizeDiskEncryption();
  const diskId = await api.createDisk({ Encrypted: 'true', KMSKeyId: await api.createKey(spec) });
  const exported = await api.exportDisk(diskId);
  const address = unixAddress(exported);
  const oracle = new Oracle();
  let version = 0;
  let snapshot: { id: string; content: Buffer[] } | undefined;

  for (let kill = 0; kill < kills; kill++) {
    const client = await connectAgain(address, exported.ExportName);
    const contents = await Promise.all(
      Array.from({ length: BLOCKS }, (_, block) => client.read(offsetOf(block), BLOCK)),
    );
    for (const [block, content] of contents.entries()) oracle.settle(block, content);
    if (kill === Math.min(5, kills - 1)) {
      snapshot = { id: await api.createSnapshot(diskId), content: contents.map((content) => Buffer.from(content)) };
    }
    const [pid = 0] = await server.diskServerPids();
    const writing = writeUntilLost(client, oracle, () => ++version);
    await sleep(randomInt(1, 150));
    process.kill(pid, 'SIGKILL');
    await writing;
    client.destroy();
    await until('another disk server', async () => (await server.diskServerPids()).some((other) => other !== pid));
  }

  assert.ok(version > kills * 20, `only ${version} writes were made: the test would show nothing`);
  const client = await connectAgain(address, exported.ExportName);
  for (let block = 0; block < BLOCKS; block++) oracle.settle(block, await client.read(offsetOf(block), BLOCK));
  await client.disconnect();

  assert.ok(snapshot !== undefined);
  const clone = await api.exportDisk(await api.createDisk({ SnapshotId: snapshot.id }));
  const cloneClient = await NbdClient.connect(unixAddress(clone), clone.ExportName);
  for (const [block, content] of snapshot.content.entries()) {
    assert.ok(content.equals(await cloneClient.read(offsetOf(block), BLOCK)), `block ${block} of the snapshot changed`);
  }
  await cloneClient.disconnect();
  return version;
}
