/** The memory report as people like to read it: at most 80 columns. */
import { FRAME_STATE_NAMES } from '../mm/pfn-database.js';
import type { FaultReport, FrameStateName, ProcessReport, Report } from './report.js';
import { statusText } from './status-names.js';
import { bar, bytesText, counted, grouped, table, timeText } from './text.js';

const PAGE_SIZE = 4096;
const BAR_WIDTH = 16;
const LABEL_WIDTH = 15;
const LARGEST_PLAIN_CODE = 255;

const LIST_WORDS: Readonly<Record<FrameStateName, string>> = {
  active: 'in use',
  transition: 'held by I/O',
  standby: 'contents kept, may be taken',
  modified: 'contents still to be written',
  modifiedNoWrite: 'not to be written yet',
  zeroed: 'ready, full of zeros',
  free: 'ready, to be zeroed first',
  bad: 'not used any more',
};
const LIST_NAMES: Readonly<Record<FrameStateName, string>> = {
  active: 'Active',
  transition: 'Transition',
  standby: 'Standby',
  modified: 'Modified',
  modifiedNoWrite: 'No-write',
  zeroed: 'Zeroed',
  free: 'Free',
  bad: 'Bad',
};
/** Always shown, even when empty. */
const MAIN_LISTS: readonly FrameStateName[] = ['active', 'standby', 'modified', 'zeroed', 'free'];

type FaultKind = Exclude<keyof FaultReport, 'total' | 'soft' | 'hard'>;
/** A fault can be of several kinds. */
const FAULT_KINDS: readonly (readonly [FaultKind, string, string])[] = [
  ['demandZero', 'Demand zero', 'first touch: a page of zeros'],
  ['imageRead', 'Image read', 'read from a program or DLL'],
  ['mappedFileRead', 'Mapped file', 'read from a mapped file'],
  ['pageFileRead', 'Paging file', 'read back from a paging file'],
  ['copyOnWrite', 'Copy on write', 'first write: a private copy'],
  ['transition', 'Transition', 'the page was still in memory'],
  ['prototype', 'Shared page', 'found by its prototype PTE'],
  ['guardPage', 'Guard page', 'a guard page was touched'],
  ['accessViolation', 'Violation', 'refused: access violation'],
];

function heading(text: string): string {
  return `${text} ${'─'.repeat(Math.max(0, 78 - text.length))}`;
}

const pagesText = (pages: number) => counted(pages, 'page');

function exitText(exitCode: number | null): string {
  if (exitCode === null) return 'still running';
  return exitCode <= LARGEST_PLAIN_CODE ? String(exitCode) : statusText(exitCode);
}

function programName(process: ProcessReport | undefined): string {
  const image = process?.image ?? '';
  return image.slice(image.lastIndexOf('\\') + 1) || 'no program';
}

/** The first program and how many processes more there were. */
function programNames({ processes }: Report): string {
  const others = processes.length - 1;
  const more = others > 0 ? ` and ${counted(others, 'other process', 'other processes')}` : '';
  return programName(processes[0]) + more;
}

function labelled(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)} ${text}`;
}

function headLines(report: Report): string[] {
  const { instructions, virtualTime100ns, tlb } = report;
  const looked = tlb.hits + tlb.misses;
  return [
    heading(`Memory report: ${programNames(report)}`),
    labelled('Exit code', exitText(report.exitCode)),
    labelled('Ran', `${counted(instructions, 'instruction')}, ${timeText(virtualTime100ns)} of virtual time`),
    labelled(
      'TLB',
      `${counted(tlb.misses, 'miss', 'misses')} in ${counted(looked, 'access', 'accesses')}, ${counted(tlb.flushes, 'flush', 'flushes')}`,
    ),
  ];
}

function faultLines({ faults }: Report): string[] {
  const rows = FAULT_KINDS.filter(([kind]) => faults[kind] > 0).map(([kind, name, words]) => [
    name,
    grouped(faults[kind]),
    bar(faults[kind], faults.total, BAR_WIDTH),
    words,
  ]);
  return [
    '',
    heading(`Page faults: ${grouped(faults.total)}`),
    `${grouped(faults.soft)} soft, resolved in memory; ${grouped(faults.hard)} hard, waited for a disk read`,
    ...columns(rows),
  ];
}

/** Name, count, bar, words. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const padded = rows.map(([name, ...rest]) => [name!.padEnd(LABEL_WIDTH - 2), ...rest]);
  return table(padded, new Set([1])).map((line) => `  ${line}`);
}

const PROCESS_HEAD = ['Id', 'Process', 'Exit code', 'Faults', 'Hard', 'Peak set', 'Peak commit'];

/** One line for each process, when there were several. */
function processLines({ processes }: Report): string[] {
  if (processes.length < 2) return [];
  const rows = processes.map((process) => [
    String(process.pid),
    programName(process),
    process.exitCode === null ? 'runs' : exitText(process.exitCode).replace(/ \(.*/, ''),
    grouped(process.faults.total),
    grouped(process.faults.hard),
    bytesText(process.workingSet.peakPages * PAGE_SIZE),
    bytesText(process.commit.peak),
  ]);
  const lines = table([PROCESS_HEAD, ...rows], new Set([0, 2, 3, 4, 5, 6]));
  return ['', heading(`Processes: ${grouped(processes.length)}`), ...lines.map((line) => `  ${line}`)];
}

function memoryHeading({ processes }: Report): string {
  if (processes.some(({ exitCode }) => exitCode === null)) return 'Memory now';
  return processes.length > 1 ? 'Memory as the last process ended' : 'Memory as the program ended';
}

function memoryLines(report: Report): string[] {
  const { workingSet, commit, processes } = report;
  const [process] = processes;
  const own =
    process === undefined || processes.length > 1
      ? []
      : [
          labelled(
            'Private commit',
            `${bytesText(process.commit.current)}, peak ${bytesText(process.commit.peak)}`,
          ),
        ];
  const used = `${bytesText(commit.current)} of ${bytesText(commit.limit)} promised, peak ${bytesText(commit.peak)}`;
  return [
    '',
    heading(memoryHeading(report)),
    labelled(
      'Working set',
      `${bytesText(workingSet.currentPages * PAGE_SIZE)} (${pagesText(workingSet.currentPages)}), peak ${bytesText(workingSet.peakPages * PAGE_SIZE)}`,
    ),
    ...own,
    labelled('System commit', used),
  ];
}

function typeLines({ types, processes }: Report): string[] {
  const shown = types.filter(({ type, size }) => type !== 'Free' && type !== 'Unusable' && size > 0);
  if (shown.length === 0) return [];
  const rows = shown.map((figures) => [
    figures.type,
    ...[figures.size, figures.committed, figures.private, figures.workingSet, figures.shared].map(bytesText),
  ]);
  const head = ['Type', 'Size', 'Committed', 'Private', 'Working set', 'Shared'];
  const right = new Set([1, 2, 3, 4, 5]);
  const lines = table(
    [head.map((text, column) => (column === 0 ? text.padEnd(LABEL_WIDTH - 2) : text)), ...rows],
    right,
  );
  return [
    '',
    heading(
      processes.length > 1
        ? `Address space of ${programName(processes[0])} by type`
        : 'Address space by type',
    ),
    ...lines.map((line) => `  ${line}`),
  ];
}

function listLines({ lists }: Report): string[] {
  const total = FRAME_STATE_NAMES.reduce((sum, name) => sum + lists[name], 0);
  const order = Object.keys(LIST_WORDS) as FrameStateName[];
  const rows = order
    .filter((name) => lists[name] > 0 || MAIN_LISTS.includes(name))
    .map((name) => [
      LIST_NAMES[name],
      bytesText(lists[name] * PAGE_SIZE),
      bar(lists[name], total, BAR_WIDTH),
      LIST_WORDS[name],
    ]);
  return [
    '',
    heading(`Physical memory: ${bytesText(total * PAGE_SIZE)}, ${pagesText(total)}`),
    ...columns(rows),
  ];
}

function fileLines({ mappedFile, pageFile }: Report): string[] {
  const lines: string[] = [];
  if (mappedFile.pagesRead + mappedFile.pagesWritten > 0)
    lines.push(
      labelled(
        'Mapped files',
        `${pagesText(mappedFile.pagesRead)} read, ${grouped(mappedFile.pagesWritten)} written`,
      ),
    );
  if (pageFile.pagesRead + pageFile.pagesWritten > 0)
    lines.push(
      labelled(
        'Paging files',
        `${pagesText(pageFile.pagesRead)} read, ${grouped(pageFile.pagesWritten)} written in ${counted(pageFile.writeIOs, 'write')}, ${grouped(pageFile.pagesInUse)} in use`,
      ),
    );
  return lines.length === 0 ? [] : ['', heading('Files'), ...lines];
}

/** The whole report, with a newline at its end. */
export function formatReport(report: Report): string {
  const lines = [
    ...headLines(report),
    ...processLines(report),
    ...faultLines(report),
    ...memoryLines(report),
    ...typeLines(report),
    ...listLines(report),
    ...fileLines(report),
  ];
  return `${lines.join('\n')}\n`;
}
