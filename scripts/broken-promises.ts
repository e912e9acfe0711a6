/** Changes of the engine, each of which breaks a promise. `scripts/break-promises.ts` shows that a test notices. */

export interface BrokenPromise {
  /** What the engine then does. */
  readonly name: string;
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
}

const block = (file: string, name: string, from: string, to = ''): BrokenPromise => ({
  name,
  file: `src/block/${file}`,
  from,
  to,
});

export const BROKEN_PROMISES: readonly BrokenPromise[] = [
  // Order and durability of writes.
  block(
    'client-writes.ts',
    'answers a write before it is written',
    '      await change(log);\n      await log.written();\n',
    '      await change(log);\n',
  ),
  block(
    'log/log-segment.ts',
    'answers a flush without a sync',
    '    await this.#file.sync();\n    this.#advance(end);',
    '    this.#advance(end);',
  ),
  block(
    'log/active-segments.ts',
    'flushes the newest segment only',
    'const targets = this.#segments.map((segment) => ({ segment, end: segment.written }));',
    'const targets = this.#segments.slice(-1).map((segment) => ({ segment, end: segment.written }));',
  ),
  block(
    'log/group-commit.ts',
    'lets a flush share a sync that had begun before it',
    '    if (this.#waiting !== undefined) return this.#waiting.promise;',
    '    if (this.#running !== undefined) return this.#running;\n    if (this.#waiting !== undefined) return this.#waiting.promise;',
  ),
  block(
    'log/log-segment.ts',
    'writes slots behind the place where they belong',
    'await this.#file.write(run.bytes, slotOffset(this.written));',
    'await this.#file.write(run.bytes, slotOffset(this.written > 2 ? this.written - 1 : this.written));',
  ),
  block(
    'log/next-segment.ts',
    'does not sync the folder of a new log segment',
    '        await files.syncDirectory(this.#maker.store.directory);\n',
  ),
  block(
    'segments/segment-files.ts',
    'does not sync the header of a new segment',
    '      await file.sync();\n      if (spare',
    '      if (spare',
  ),
  // Failed syncs.
  block('log/active-segments.ts', 'believes a failed sync the second time', '          segment.damaged = true;\n'),
  block('log/log-segment.ts', 'rescues a segment without what was durable', '      await this.#copyDurable(fresh);\n'),
  block(
    'log/log-segment.ts',
    'puts a rescued segment in place without a sync',
    '      await fresh.sync();\n      await this.#files.rename',
    '      await this.#files.rename',
  ),
  block(
    'log/log-segment.ts',
    'does not sync the folder after a rescue',
    "    await this.#files.syncDirectory(this.path.slice(0, this.path.lastIndexOf('/')));\n",
  ),
  // Recovery.
  block('state/recovery.ts', 'does not rewrite the tail of the log', '    await replay.rewriteTail(end);\n'),
  block(
    'state/recovery.ts',
    'looks for no proof behind the end of the log',
    '    await replay.refuseIfDurableBeyond(end);\n    await replay.rewriteTail',
    '    await replay.rewriteTail',
  ),
  block(
    'state/replay.ts',
    'ignores how much was durable when a slot was sealed',
    '    if (meta.watermark > 0) this.noteDurable({ segment: reader.number, slot: meta.watermark });\n',
  ),
  block('state/recovery.ts', 'ignores the mark', '  if (mark !== undefined) replay.noteDurable(mark);\n'),
  block(
    'state/replay.ts',
    'replays over a gap in the log',
    'if (note !== undefined && note.previous.slots === stop) return candidate;',
    'if (note !== undefined) return candidate;',
  ),
  // Head, table, roots.
  block(
    'state/head-file.ts',
    'writes a head in one place only',
    '    await this.#writeWeakerPlace(copy);\n    await this.#writeWeakerPlace(copy);\n    return',
    '    await this.#writeWeakerPlace(copy);\n    return',
  ),
  block('state/head-file.ts', 'trusts a head that was read', '    await this.settle();\n'),
  block('state/head-file.ts', 'does not sync a head', '      await this.#file.sync();\n'),
  block(
    'state/checkpoint.ts',
    'writes a head before the log that it leaves out is durable',
    '    await frozen.settle();\n',
  ),
  block('state/checkpoint.ts', 'forgets what it froze', '  frozen.absorb(overlay);\n'),
  block(
    'files/durable-files.ts',
    'does not sync a table or root',
    '    await file.write(bytes, 0);\n    await file.sync();',
    '    await file.write(bytes, 0);',
  ),
  block(
    'tables/table-writer.ts',
    'does not sync the folder of tables',
    '    await this.#files.syncDirectory(this.#directory);\n',
    '',
  ),
  block(
    'files/durable-files.ts',
    'does not sync the folder of roots after a rename',
    '  await files.rename(temporary, `${directory}/${name}`);\n  await files.syncDirectory(directory);',
    '  await files.rename(temporary, `${directory}/${name}`);',
  ),
  block(
    'create-disk.ts',
    'does not sync the folder of disks after a new one was put there',
    '    await files.rename(temporary, directory);\n    await files.syncDirectory(parent);',
    '    await files.rename(temporary, directory);',
  ),
  block('map/map-writer.ts', 'does not sync map pages', '      await segment.file.sync();\n'),
  block(
    'state/checkpoint.ts',
    'keeps appending to the segment in which a snapshot ends',
    'goesOn ? freeze(log.end) : await log.switchEpoch(freeze)',
    'freeze(log.end)',
  ),
  block(
    'state/checkpoint.ts',
    'has a new head before the map that belongs to it',
    '  adopt();\n  state.unusedChunks.noteWritten(newChunks);',
    '  await Promise.resolve();\n  setTimeout(adopt, 5);\n  await new Promise((done) => setTimeout(done, 10));\n  state.unusedChunks.noteWritten(newChunks);',
  ),
  // Nonces and verification.
  block(
    'log/log-segment.ts',
    'uses a slot number twice',
    '    const slot = this.used;\n    const meta',
    '    const slot = this.used % 7 === 6 ? this.used - 1 : this.used;\n    const meta',
  ),
  block(
    'segments/segment-files.ts',
    'hands out a segment number twice',
    'const number = this.#nextNumber++;',
    "const number = kind === 'map' ? this.#nextNumber : this.#nextNumber++;",
  ),
  block(
    'blocks/block-reader.ts',
    'does not look at the number of a block that it opened',
    'return meta?.type === SLOT_DATA && meta.index === block;',
    'return meta?.type === SLOT_DATA;',
  ),
  block(
    'blocks/block-reader.ts',
    'does not look at the type of a slot that it opened',
    'return meta?.type === SLOT_DATA && meta.index === block;',
    'return meta?.index === block;',
  ),
  // Collection.
  block(
    'collect/collector.ts',
    'collects without the newest root',
    'of await snapshotNames(env.files, roots)) {',
    'of (await snapshotNames(env.files, roots)).toSorted().slice(0, -1)) {',
  ),
  block(
    'collect/liveness.ts',
    'collects without the state of the disk itself',
    '    await this.#mark(state, root, entries);\n',
  ),
  block(
    'collect/collector.ts',
    'collects segments that the log still needs',
    'const end = head.clean ? head.nextSegment : head.log.segment;',
    'const end = head.nextSegment + 1_000_000;',
  ),
  block(
    'collect/dense-rewrite.ts',
    'puts a dense file in place without a sync',
    '    await file.sync();\n    await file.close();',
    '    await file.close();',
  ),
  block(
    'collect/dead-segments.ts',
    'removes a dead segment while the head still names it',
    'const due = this.#condemned.filter(({ table }) => table !== current);',
    'const due = this.#condemned.filter(({ table }) => table !== current || table === current);',
  ),
  block(
    'collect/dead-segments.ts',
    'removes a dead segment that a snapshot names',
    '        if (!inRoots.segments.has(name)) {',
    '        if (!inRoots.segments.has(name) || true) {',
  ),
  block('segments/spare-files.ts', 'writes over a file that has another name', 'status.links === 1 && ', ''),
  block('collect/dense-files.ts', 'writes over a file that somebody still reads', '        await unread;\n'),
  block('collect/reclaim.ts', 'frees what another snapshot lists', ' && !byRoots.segments.has(name))', ')'),
];
