/** Where the memory report goes, and in which form. */
import { writeFileSync } from 'node:fs';
import type { Report } from '../inspect/report.js';
import { formatReport } from '../inspect/report-text.js';
import type { ConsoleOutput } from './console-output.js';
import { CommandError, EXIT_CANNOT_WRITE } from './exit-status.js';

export interface ReportFlags {
  readonly report?: 'text' | 'json';
  readonly reportFile?: string;
}

/** Writes the report as the options ask: to a file, else to standard error; nowhere when they do not ask. */
export function writeReport(report: Report, flags: ReportFlags, output: ConsoleOutput): void {
  const { reportFile } = flags;
  if (flags.report === undefined && reportFile === undefined) return;
  const form = flags.report ?? (/\.json$/i.test(reportFile!) ? 'json' : 'text');
  const text = form === 'json' ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report);
  if (reportFile === undefined) {
    output.say(form === 'json' ? text : `\n${text}`);
    return;
  }
  try {
    writeFileSync(reportFile, text);
  } catch (error) {
    throw new CommandError(EXIT_CANNOT_WRITE, `cannot write ${reportFile} (${(error as Error).message})`);
  }
}
