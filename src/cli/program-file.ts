/** The program that the command line names: found, read and looked at before a machine is made for it. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { IMAGE_SUBSYSTEM_WINDOWS_CUI, IMAGE_SUBSYSTEM_WINDOWS_GUI } from '../pe/pe-constants.js';
import { PeError } from '../pe/pe-error.js';
import { MAX_HEADER_BYTES, type PeHeaders, parsePeHeaders } from '../pe/pe-headers.js';
import { whyNotReadable, whyNotRunnable } from '../pe/pe-image.js';
import { CommandError, EXIT_NOT_FOUND, EXIT_NOT_RUNNABLE } from './exit-status.js';

export interface ProgramFile {
  /** As it was typed. */
  readonly typed: string;
  /** Absolute path of its folder, and its name there. */
  readonly folder: string;
  readonly name: string;
}

/** Opens a file for reading; a CommandError says why it cannot be. */
export function openProgramFile(typed: string): number {
  try {
    const file = openSync(typed, 'r');
    if (fstatSync(file).isFile()) return file;
    closeSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new CommandError(EXIT_NOT_FOUND, notFound(typed));
    throw new CommandError(EXIT_NOT_RUNNABLE, `cannot read ${typed} (${(error as Error).message})`);
  }
  throw new CommandError(EXIT_NOT_RUNNABLE, `cannot run ${typed}: it is not a file`);
}

function notFound(typed: string): string {
  const windows = /^[A-Za-z]:[\\/]|\\/.test(typed) ? '; write the path as this computer has it' : '';
  const suffix = /\.\w+$/.test(typed) ? '' : `; perhaps ${typed}.exe`;
  return `${typed} is not found${windows || suffix}`;
}

/** The beginning of a file, as much as headers may take, and the file's size in bytes. */
export function readHead(file: number): { head: Uint8Array; size: number } {
  const { size } = fstatSync(file);
  const head = new Uint8Array(Math.min(size, MAX_HEADER_BYTES));
  let done = 0;
  while (done < head.length) {
    const count = readSync(file, head, done, head.length - done, done);
    if (count === 0) break;
    done += count;
  }
  return { head: head.subarray(0, done), size };
}

/** Says of a file that is no Windows program what else it is. */
export function foreignKind(head: Uint8Array): string | null {
  const magic = String.fromCharCode(...head.subarray(0, 4));
  if (magic === '\u007fELF') return 'it is a program for Linux or another Unix';
  if (magic.startsWith('#!')) return 'it is a script';
  if (['\u00cf\u00fa\u00ed\u00fe', '\u00ca\u00fe\u00ba\u00be'].includes(magic))
    return 'it is a program for macOS';
  return null;
}

function whyNot(head: Uint8Array, size: number): string | null {
  try {
    return whyNotConsoleProgram(parsePeHeaders(head, size));
  } catch (error) {
    if (!(error instanceof PeError)) throw error;
    return whyNotReadable(head, error);
  }
}

function whyNotConsoleProgram(headers: PeHeaders): string | null {
  const reason = whyNotRunnable(headers);
  if (reason !== null) return reason;
  if (headers.subsystem === IMAGE_SUBSYSTEM_WINDOWS_GUI)
    return 'it has windows (GUI subsystem); only console programs run here';
  if (headers.subsystem !== IMAGE_SUBSYSTEM_WINDOWS_CUI)
    return `it is for subsystem ${headers.subsystem}; only console programs run here`;
  return null;
}

/** Finds a program that this machine can run; a CommandError says in one sentence why it cannot. */
export function findProgram(typed: string): ProgramFile {
  const file = openProgramFile(typed);
  try {
    const { head, size } = readHead(file);
    const reason = foreignKind(head) ?? whyNot(head, size);
    if (reason !== null) throw new CommandError(EXIT_NOT_RUNNABLE, `cannot run ${typed}: ${reason}`);
  } finally {
    closeSync(file);
  }
  const path = resolve(typed);
  return { typed, folder: dirname(path), name: basename(path) };
}
