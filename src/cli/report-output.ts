/** Where the memory report goes, and in which form. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { Report } from '../inspect/report.js';
import { formatReport } from '../inspect/report-text.js';
import type { ConsoleOutput } from './console-output.js';
import { CommandError, EXIT_CANNOT_WRITE } from './exit-status.js';

export interface ReportFlags {
  readonly report?: 'text' | 'json';
  readonly reportFile?: string;
}

/** The report that the options ask for: in a file, which is opened at once, else on standard error; or none. */
export class ReportOutput {
  readonly #file: number | null;

  /** Throws CommandError when the file cannot be written. */
  constructor(private readonly flags: ReportFlags) {
    const { reportFile } = flags;
    this.#file = reportFile === undefined ? null : this.#guard(() => openSync(reportFile, 'w'));
  }

  write(report: Report, output: ConsoleOutput): void {
    const { reportFile } = this.flags;
    if (this.flags.report === undefined && reportFile === undefined) return;
    const form = this.flags.report ?? (/\.json$/i.test(reportFile!) ? 'json' : 'text');
    const text = form === 'json' ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report);
    const file = this.#file;
    if (file === null) {
      output.say(form === 'json' ? text : `\n${text}`);
      return;
    }
    this.#guard(() => {
      writeFileSync(file, text);
      closeSync(file);
    });
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const { message } = error as Error;
      throw new CommandError(EXIT_CANNOT_WRITE, `cannot write ${this.flags.reportFile} (${message})`);
    }
  }
}
