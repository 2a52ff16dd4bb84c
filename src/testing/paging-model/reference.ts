/**
 * What the memory of processes should be: for each page its state, its protection and its bytes. Plain records and rules from
 * Microsoft's documentation of the memory functions; nothing of the memory manager is used.
 */
import {
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
} from '../../base/memory-constants.js';
import { STATUS_ACCESS_VIOLATION, STATUS_GUARD_PAGE_VIOLATION, STATUS_SUCCESS } from '../../base/ntstatus.js';

export const PAGE = 4096;

/** The bytes of a page; null: zeros. */
export type Content = Uint8Array | null;

/** A page of a section: every view of it shows the same bytes. */
export interface SharedPage {
  committed: boolean;
  content: Content;
}

/** A page of a process. */
export interface ModelPage {
  /** Of private memory; a view's page is committed when its section's is. */
  committed: boolean;
  /** PAGE_* flags. */
  protect: number;
  /** Bytes of private memory, or of the private copy of a view's page. */
  content: Content;
  /** The page of a view was copied: `content` shows. */
  copied: boolean;
  locked: boolean;
  /** Private memory that was reset and not written to: it may have become zeros. */
  uncertain: boolean;
  /** It was reset since MEM_RESET_UNDO was asked last, and it was seen that it has become zeros. */
  wasReset: boolean;
  lost: boolean;
  /** Was written to since its range was made or its write watch reset. */
  written: boolean;
}

export interface ModelFile {
  pages: SharedPage[];
  /** Bytes. */
  size: number;
  /** Pages of its data section, 0 while it has no section and no view; and how many of those there are. */
  segmentPages: number;
  references: number;
}

export interface ModelSection {
  readonly pages: SharedPage[];
  /** Bytes. */
  readonly size: number;
  readonly protect: number;
  /** SEC_RESERVE: pages are committed through views. */
  readonly reserves: boolean;
  /** Null when the paging file backs it. */
  readonly file: ModelFile | null;
}

/** A reservation or a view. */
export interface ModelRange {
  base: number;
  pages: ModelPage[];
  /** Protection with which it was made. */
  readonly protect: number;
  /** Null for private memory. */
  readonly section: ModelSection | null;
  /** Page of the section at which the view begins. */
  readonly firstPage: number;
  /** Writes are watched. */
  readonly watched: boolean;
}

export type Access = 'read' | 'write' | 'execute';

const COPY_ON_WRITE = PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY;
const WRITABLE = PAGE_READWRITE | PAGE_EXECUTE_READWRITE | COPY_ON_WRITE;
const EXECUTABLE = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;

const READ_VIEWS = PAGE_NOACCESS | PAGE_READONLY | PAGE_WRITECOPY;
const EXECUTE_VIEWS = READ_VIEWS | PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_WRITECOPY;
const EVERYTHING = EXECUTE_VIEWS | PAGE_READWRITE | PAGE_EXECUTE_READWRITE;

/** Protections that a page of a view, or a view of a section, may have by that of the view or section. */
const ALLOWED: Readonly<Record<number, number>> = {
  [PAGE_READONLY]: READ_VIEWS,
  [PAGE_WRITECOPY]: READ_VIEWS,
  [PAGE_READWRITE]: READ_VIEWS | PAGE_READWRITE,
  [PAGE_EXECUTE_READ]: EXECUTE_VIEWS,
  [PAGE_EXECUTE_WRITECOPY]: EXECUTE_VIEWS,
  [PAGE_EXECUTE_READWRITE]: EVERYTHING,
};

/** Whether a view's page, or a view, may get a protection under that of its view or section. */
export function isAllowed(under: number, protect: number): boolean {
  return (ALLOWED[under]! & protect & ~PAGE_GUARD) !== 0;
}

export function isCopyOnWrite(protect: number): boolean {
  return (protect & COPY_ON_WRITE) !== 0;
}

/** The protection of a private copy. */
export function afterCopy(protect: number): number {
  if ((protect & PAGE_WRITECOPY) !== 0) return (protect & ~PAGE_WRITECOPY) | PAGE_READWRITE;
  if ((protect & PAGE_EXECUTE_WRITECOPY) !== 0)
    return (protect & ~PAGE_EXECUTE_WRITECOPY) | PAGE_EXECUTE_READWRITE;
  return protect;
}

/** In a copy-on-write view, a page that is asked to be writable is copied when it is written. */
export function inCopyOnWriteView(protect: number): number {
  if ((protect & PAGE_READWRITE) !== 0) return (protect & ~PAGE_READWRITE) | PAGE_WRITECOPY;
  if ((protect & PAGE_EXECUTE_READWRITE) !== 0)
    return (protect & ~PAGE_EXECUTE_READWRITE) | PAGE_EXECUTE_WRITECOPY;
  return protect;
}

export function newPages(count: number, committed: boolean, protect: number): ModelPage[] {
  return Array.from({ length: count }, () => ({
    committed,
    protect,
    content: null,
    copied: false,
    locked: false,
    uncertain: false,
    wasReset: false,
    lost: false,
    written: false,
  }));
}

export function newSharedPages(count: number, committed: boolean): SharedPage[] {
  return Array.from({ length: count }, () => ({ committed, content: null }));
}

/** The page of a section that a page of a view shows; null in private memory. */
export function sharedPage(range: ModelRange, index: number): SharedPage | null {
  return range.section === null ? null : range.section.pages[range.firstPage + index]!;
}

export function isCommitted(range: ModelRange, index: number): boolean {
  return sharedPage(range, index)?.committed ?? range.pages[index]!.committed;
}

/** The NTSTATUS that an access to a page ends in. */
export function statusOfAccess(range: ModelRange, index: number, access: Access): number {
  const { protect } = range.pages[index]!;
  if (!isCommitted(range, index) || protect === PAGE_NOACCESS) return STATUS_ACCESS_VIOLATION;
  if ((protect & PAGE_GUARD) !== 0) return STATUS_GUARD_PAGE_VIOLATION;
  if (access === 'write' && (protect & WRITABLE) === 0) return STATUS_ACCESS_VIOLATION;
  if (access === 'execute' && (protect & EXECUTABLE) === 0) return STATUS_ACCESS_VIOLATION;
  return STATUS_SUCCESS;
}

/** The page of an access that met a guard page guards no more. */
export function dropGuard(page: ModelPage): void {
  page.protect &= ~PAGE_GUARD;
}

/** What a page should show. */
export function contentOf(range: ModelRange, index: number): Content {
  const page = range.pages[index]!;
  return range.section === null || page.copied ? page.content : sharedPage(range, index)!.content;
}

/** A successful write of bytes into a page. */
export function store(range: ModelRange, index: number, offset: number, bytes: Uint8Array): void {
  const page = range.pages[index]!;
  if (range.section !== null && !page.copied && isCopyOnWrite(page.protect)) {
    page.content = contentOf(range, index)?.slice() ?? null;
    page.copied = true;
    page.protect = afterCopy(page.protect);
  }
  const holder = range.section === null || page.copied ? page : sharedPage(range, index)!;
  holder.content ??= new Uint8Array(PAGE);
  holder.content.set(bytes, offset);
}

/** Gives a page of a range a protection; a page that nobody may use at once is not kept in the working set. */
export function protectPage(range: ModelRange, index: number, protect: number): void {
  const page = range.pages[index]!;
  const wanted =
    range.section !== null && isCopyOnWrite(range.protect) ? inCopyOnWriteView(protect) : protect;
  page.protect = page.copied ? afterCopy(wanted) : wanted;
  if ((page.protect & (PAGE_GUARD | PAGE_NOACCESS)) !== 0) page.locked = false;
}

/** Pages from `first` on that the commit charge of a view counts: private copies and pages that may become one. */
export function viewCharge(range: ModelRange, first = 0, count = range.pages.length): number {
  if (isCopyOnWrite(range.protect)) return count;
  const charged = ({ copied, protect }: ModelPage) => copied || isCopyOnWrite(protect);
  return range.pages.slice(first, first + count).filter(charged).length;
}

/** Bytes of a file that lie in one of its pages. */
export function fileBytes(file: ModelFile, page: number): number {
  return Math.max(0, Math.min(PAGE, file.size - page * PAGE));
}

/** Cuts a file or lengthens it with zeros. */
export function resizeFile(file: ModelFile, size: number): void {
  file.size = size;
  const count = Math.ceil(size / PAGE);
  file.pages.length = Math.min(file.pages.length, count);
  file.pages.push(...newSharedPages(count - file.pages.length, true));
  const last = file.pages.at(-1);
  if (last !== undefined && last.content !== null && size % PAGE !== 0) last.content.fill(0, size % PAGE);
}

/** Writes bytes into a file, which grows when they end past its size. */
export function writeFile(file: ModelFile, offset: number, bytes: Uint8Array): void {
  if (offset + bytes.length > file.size) resizeFile(file, offset + bytes.length);
  for (let done = 0; done < bytes.length; ) {
    const within = (offset + done) % PAGE;
    const count = Math.min(PAGE - within, bytes.length - done);
    const page = file.pages[(offset + done - within) / PAGE]!;
    page.content ??= new Uint8Array(PAGE);
    page.content.set(bytes.subarray(done, done + count), within);
    done += count;
  }
}
