/**
 * ws2_32.dll on a computer without a network: it starts, but no socket can be made (WSAENETDOWN), so no handle is a socket
 * and no name has an address. Sources: Microsoft, "WSAStartup function", "WSADATA structure", "Windows Sockets Error Codes",
 * "getaddrinfo function", "inet_addr function".
 */
import { restartable, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';

const WSAEFAULT = 10014;
const WSAENOTSOCK = 10038;
const WSAENETDOWN = 10050;
const WSAVERNOTSUPPORTED = 10092;
const WSANOTINITIALISED = 10093;
const WSAHOST_NOT_FOUND = 11001;
const SOCKET_ERROR = -1;
const INADDR_NONE = 0xffffffff;
const VERSION = 0x0202;
/** WSADATA: versions, two old limits, vendor information, then the description and the status as text. */
const DATA_BYTES = 408;
const DATA_DESCRIPTION = 16;
const DATA_STATUS = 273;
const DESCRIPTION = 'WinSock 2.0';
const STATUS = 'Running';

/** Successful calls of WSAStartup without one of WSACleanup. */
interface SocketState {
  startups: number;
}

function stateOf(call: ServiceCall): SocketState {
  const { library } = call.process;
  library['ws2_32'] ??= { startups: 0 } satisfies SocketState;
  return library['ws2_32'] as SocketState;
}

/** Fails with an error, or with WSANOTINITIALISED before WSAStartup. */
const refuse =
  (error: number, value: number): ServiceFunction =>
  (call) =>
    call.fail(stateOf(call).startups === 0 ? WSANOTINITIALISED : error, value);

/** Functions that make sockets: INVALID_SOCKET reads as SOCKET_ERROR does. */
const MAKERS = ['WSASocketA', 'WSASocketW', 'socket'] as const;

/** Functions of a socket that answer SOCKET_ERROR. */
const OF_SOCKETS = [
  'WSAAccept',
  'WSAConnect',
  'WSADuplicateSocketW',
  'WSAEnumNetworkEvents',
  'WSAEventSelect',
  'WSAIoctl',
  'WSAPoll',
  'WSARecv',
  'WSARecvFrom',
  'WSASend',
  'WSASendMsg',
  'WSASendTo',
  'accept',
  'bind',
  'closesocket',
  'connect',
  'getpeername',
  'getsockname',
  'getsockopt',
  'ioctlsocket',
  'listen',
  'recv',
  'recvfrom',
  'select',
  'send',
  'sendto',
  'setsockopt',
  'shutdown',
] as const;

/** Functions that look names up and answer NULL, and those whose result is the error itself. */
const LOOKUPS = [
  'gethostbyaddr',
  'gethostbyname',
  'getprotobyname',
  'getservbyname',
  'getservbyport',
] as const;
const LOOKUPS_WITH_ERROR = ['GetAddrInfoW', 'getaddrinfo', 'getnameinfo', 'GetNameInfoW'] as const;

const lookup: ServiceFunction = (call) => {
  const error = stateOf(call).startups === 0 ? WSANOTINITIALISED : WSAHOST_NOT_FOUND;
  return call.fail(error, error);
};

/** int WSAEnumProtocols(protocols, buffer, bytes): there are none. */
const enumerateProtocols: ServiceFunction = (call) => {
  if (stateOf(call).startups === 0) return call.fail(WSANOTINITIALISED, SOCKET_ERROR);
  call.memory.writeU32(call.address(2), 0);
  return 0;
};

const swap16: ServiceFunction = (call) => {
  const value = call.u32(0);
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
};

const swap32: ServiceFunction = (call) => {
  const value = call.u32(0);
  const swapped =
    ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
  return swapped >>> 0;
};

/** int WSAStartup(version, data): any version from 1.0 on, at most 2.2. */
const startup: ServiceFunction = (call) => {
  const [wanted, data] = [call.u32(0) & 0xffff, call.address(1)];
  if (data === 0) return WSAEFAULT;
  const major = wanted & 0xff;
  if (major === 0) return WSAVERNOTSUPPORTED;
  const { memory } = call;
  memory.fill(data, DATA_BYTES, 0);
  memory.writeU16(data, major > 2 || wanted === VERSION ? VERSION : wanted);
  memory.writeU16(data + 2, VERSION);
  memory.writeAnsi(data + DATA_DESCRIPTION, DESCRIPTION);
  memory.writeAnsi(data + DATA_STATUS, STATUS);
  memory.commit();
  stateOf(call).startups++;
  return 0;
};

const cleanup: ServiceFunction = (call) => {
  const state = stateOf(call);
  if (state.startups === 0) return call.fail(WSANOTINITIALISED, SOCKET_ERROR);
  call.memory.commit();
  state.startups--;
  return 0;
};

/** unsigned long inet_addr(text): one to four numbers in decimal, octal or hexadecimal; in network order. */
function parseAddress(text: string): number {
  const parts = text.split('.');
  if (parts.length > 4 || !parts.every((part) => /^(0[xX][0-9a-fA-F]+|\d+)$/.test(part))) return INADDR_NONE;
  const numbers = parts.map((part) => (/^0[0-7]+$/.test(part) ? Number.parseInt(part, 8) : Number(part)));
  const last = numbers.pop()!;
  if (numbers.some((value) => value > 255) || last >= 256 ** (4 - numbers.length)) return INADDR_NONE;
  const value = numbers.reduce((sum, part, index) => sum + part * 256 ** (3 - index), last);
  return [0, 8, 16, 24].reduce((sum, shift) => sum * 256 + ((value >>> shift) & 0xff), 0);
}

function list(names: readonly string[], make: ServiceFunction): Record<string, ServiceFunction> {
  return Object.fromEntries(names.map((name) => [name, make]));
}

/** Ordinals by which programs import the functions of the first version. */
const ORDINALS: Readonly<Record<string, number>> = {
  accept: 1,
  bind: 2,
  closesocket: 3,
  connect: 4,
  getpeername: 5,
  getsockname: 6,
  getsockopt: 7,
  htonl: 8,
  htons: 9,
  ioctlsocket: 10,
  inet_addr: 11,
  listen: 13,
  ntohl: 14,
  ntohs: 15,
  recv: 16,
  recvfrom: 17,
  select: 18,
  send: 19,
  sendto: 20,
  setsockopt: 21,
  shutdown: 22,
  socket: 23,
  gethostbyaddr: 51,
  gethostbyname: 52,
  getprotobyname: 53,
  getservbyname: 55,
  getservbyport: 56,
  WSAGetLastError: 111,
  WSASetLastError: 112,
  WSAStartup: 115,
  WSACleanup: 116,
};

export const ws2_32: SystemModule = {
  name: 'ws2_32.dll',
  functions: restartable({
    ...list(MAKERS, refuse(WSAENETDOWN, SOCKET_ERROR)),
    ...list(OF_SOCKETS, refuse(WSAENOTSOCK, SOCKET_ERROR)),
    ...list(LOOKUPS, refuse(WSAHOST_NOT_FOUND, 0)),
    ...list(LOOKUPS_WITH_ERROR, lookup),
    WSACleanup: cleanup,
    WSAEnumProtocolsA: enumerateProtocols,
    WSAEnumProtocolsW: enumerateProtocols,
    WSAGetOverlappedResult: refuse(WSAENOTSOCK, 0),
    WSAStartup: startup,
    WSAGetLastError: (call: ServiceCall) => call.lastError,
    WSASetLastError: (call: ServiceCall) => {
      call.lastError = call.u32(0);
    },
    /** Address lists come from functions that never give one here. */
    FreeAddrInfoW: () => undefined,
    freeaddrinfo: () => undefined,
    htonl: swap32,
    htons: swap16,
    inet_addr: (call: ServiceCall) => parseAddress(call.memory.readAnsi(call.address(0), 64)),
    ntohl: swap32,
    ntohs: swap16,
  }),
  ordinals: ORDINALS,
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  description: 'Windows Socket 2.0 32-Bit DLL',
  version: '10.0.19045.1',
};
