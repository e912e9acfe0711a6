/** `audit-00000001.jsonl`, `audit-00000002.jsonl`, … */
const FILE = /^audit-(\d{8,12})\.jsonl$/;

export const HEAD_FILE = 'head';
export const KEY_FILE = 'key';
/** A file of the log before it has its name. */
export const UNFINISHED_FILE = 'unfinished';

export function fileName(number: number): string {
  return `audit-${String(number).padStart(8, '0')}.jsonl`;
}

/** The numbers of the files of a log among `names`, in order. */
export function fileNumbers(names: readonly string[]): number[] {
  return names
    .flatMap((name) => {
      const number = Number(FILE.exec(name)?.[1] ?? 0);
      return number > 0 && fileName(number) === name ? [number] : [];
    })
    .sort((a, b) => a - b);
}
