import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Prints as fast as somebody reads. Who stops reading, as `head` does, ends it without an error. */
export async function printLines(lines: AsyncIterable<string>): Promise<void> {
  const withBreaks = async function* (): AsyncGenerator<string> {
    for await (const line of lines) yield `${line}\n`;
  };
  try {
    await pipeline(Readable.from(withBreaks()), process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}
