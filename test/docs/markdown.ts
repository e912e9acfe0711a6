/** What tests need to know of a Markdown page: its fenced blocks, its links, its headings. */
import { globSync } from 'node:fs';

/** ```` ```sh run ```` has language `sh` and the one attribute `run`; `file=a.ts` is an attribute with a value. */
export interface CodeBlock {
  readonly language: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

const FENCE = /^(\s*)(`{3,}|~{3,})\s*(.*)$/;

/** Every page of the repository. */
export function markdownPages(): string[] {
  return globSync('**/*.md', { exclude: ['node_modules/**', 'sealdisk-data/**', '.tmp/**'] }).toSorted();
}

export function codeBlocks(page: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { fence: string; info: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of page.split('\n').entries()) {
    const [, , fence = '', info = ''] = FENCE.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== '') open = { fence, info, line: index + 1, lines: [] };
    } else if (fence.startsWith(open.fence) && info === '') {
      const [language = '', ...attributes] = open.info.split(/\s+/);
      const pairs = attributes.map((attribute) => attribute.split('=')).map(([name = '', value = '']) => [name, value]);
      blocks.push({
        language,
        attributes: new Map(pairs as [string, string][]),
        text: `${open.lines.join('\n')}\n`,
        line: open.line,
      });
      open = undefined;
    } else open.lines.push(line);
  }
  return blocks;
}

/** The page without fenced blocks, whose text is no prose. Lines keep their numbers. */
export function withoutBlocks(page: string): string {
  let fence = '';
  return page
    .split('\n')
    .map((line) => {
      const [, , found = '', info = ''] = FENCE.exec(line) ?? [];
      if (fence === '' && found !== '') fence = found;
      else if (fence !== '' && found.startsWith(fence) && info === '') fence = '';
      else if (fence === '') return line;
      return '';
    })
    .join('\n');
}

export interface Link {
  readonly target: string;
  readonly line: number;
}

/** Targets of inline links and images that lead into the repository. */
export function relativeLinks(page: string): Link[] {
  const links: Link[] = [];
  for (const [index, line] of withoutBlocks(page).split('\n').entries()) {
    for (const [, target = ''] of line.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)) {
      if (!/^[a-z][a-z+.-]*:/i.test(target)) links.push({ target, line: index + 1 });
    }
  }
  return links;
}

/** Paths from the root of the repository that the prose names in backquotes, such as `src/nbd/server.ts`. */
export function namedPaths(page: string): Link[] {
  const paths: Link[] = [];
  for (const [index, line] of withoutBlocks(page).split('\n').entries()) {
    for (const [, target = ''] of line.matchAll(
      /`((?:src|test|docs|spec|scripts|bin|bench|\.ci)\/[A-Za-z0-9_./-]*)`/g,
    )) {
      paths.push({ target, line: index + 1 });
    }
  }
  return paths;
}

/** What a link's #fragment may be: headings as GitHub turns them into anchors. */
export function anchors(page: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ''] of withoutBlocks(page).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    found.add(
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-'),
    );
  }
  return found;
}
