/** docs/conformance.md: how many rows there are, what is known to be missing, and where Wine answers otherwise. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Row } from './row-file.js';

export interface Disagreement {
  readonly row: Row;
  readonly problem: string;
}

const FILE = new URL('../../docs/conformance.md', import.meta.url);
const HEAD = `# The conformance table

What the memory services answer, condition by condition, as Microsoft's documentation says it:
\`test/conformance/rows/*.rows\` ([how they read](../test/conformance/README.md)). Each row is a few calls with what they must
return, the last error, the memory and the queries behind them, and the page that says so. A small Windows program,
\`examples/conformance\`, makes the calls; \`test/conformance/guest.test.ts\` runs it in the machine and judges each row,
\`services.test.ts\` calls the services of the native rows from TypeScript without a program, and \`scripts/wine-conformance.sh\` runs the same
program under Wine and writes this page. None of it has been compared with a Windows machine.
`;

/** The table of counts, which the tests hold against the page. */
export function countTable(rows: readonly Row[]): string {
  const families = [...new Set(rows.map((row) => row.family))];
  const gaps = (some: readonly Row[]) => some.filter((row) => row.gap !== null).length;
  const unchecked = (some: readonly Row[]) => some.filter(({ source }) => source.startsWith('rule,')).length;
  const line = (name: string, some: readonly Row[]) =>
    `| ${name} | ${some.length} | ${unchecked(some)} | ${gaps(some)} |`;
  return [
    '| family | rows | of them rules that no page states | known gaps |',
    '| --- | --: | --: | --: |',
    ...families.map((family) =>
      line(
        family,
        rows.filter((row) => row.family === family),
      ),
    ),
    line('all', rows),
  ].join('\n');
}

export function writeDocument(
  rows: readonly Row[],
  disagreements: readonly Disagreement[],
  wine: string,
): void {
  writeFileSync(
    FILE,
    `${HEAD}
## Rows

${countTable(rows)}
${gapList(rows)}
## Under Wine

With ${wine}, ${rows.length - disagreements.length} rows agree and ${disagreements.length} differ:

${reasons(disagreements)}`,
  );
}

export function readDocument(): string {
  return readFileSync(FILE, 'utf8');
}

function gapList(rows: readonly Row[]): string {
  const gaps = rows.filter((row) => row.gap !== null);
  if (gaps.length === 0) return '';
  const lines = gaps.map((row) => `- ${row.family}: ${row.title}. ${row.gap}`);
  return `\n### Known gaps\n\n${lines.join('\n')}\n`;
}

/** One paragraph a reason, with the rows that it explains. */
function reasons(disagreements: readonly Disagreement[]): string {
  const texts = [...new Set(disagreements.map(({ row }) => row.wine ?? 'No reason is on file.'))];
  return texts
    .map((text) => {
      const rows = disagreements.filter(({ row }) => (row.wine ?? 'No reason is on file.') === text);
      const sources = [...new Set(rows.map(({ row }) => row.source))].join('; ');
      const titles = rows.map(({ row }) => `- ${row.family}: ${row.title}`);
      return `**${text}** (${sources})\n\n${titles.join('\n')}\n`;
    })
    .join('\n');
}
