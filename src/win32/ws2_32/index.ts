/**
 * ws2_32.dll on a computer without a network: WSAStartup says that the network subsystem is not ready, so every other
 * function answers that it was not successful before. What needs no network works. Sources: Microsoft, "WSAStartup
 * function", "Windows Sockets Error Codes", "getaddrinfo function", "inet_addr function".
 */
import { restartable, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';

const WSAEFAULT = 10014;
const WSASYSNOTREADY = 10091;
const WSANOTINITIALISED = 10093;
const SOCKET_ERROR = -1;
const INADDR_NONE = 0xffffffff;

const refuse =
  (value: number): ServiceFunction =>
  (call) =>
    call.fail(WSANOTINITIALISED, value);

/** Functions that answer SOCKET_ERROR, or INVALID_SOCKET, which reads the same. */
const REFUSED = [
  'WSAAccept',
  'WSAAddressToStringW',
  'WSACleanup',
  'WSAConnect',
  'WSADuplicateSocketW',
  'WSAEnumNetworkEvents',
  'WSAEnumProtocolsW',
  'WSAEventSelect',
  'WSAIoctl',
  'WSAPoll',
  'WSARecv',
  'WSARecvFrom',
  'WSASend',
  'WSASendMsg',
  'WSASendTo',
  'WSASocketA',
  'WSASocketW',
  'accept',
  'bind',
  'closesocket',
  'connect',
  'gethostname',
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
  'socket',
] as const;

/** Functions that answer NULL or FALSE. */
const REFUSED_WITH_NULL = [
  'WSAGetOverlappedResult',
  'gethostbyaddr',
  'gethostbyname',
  'getprotobyname',
  'getservbyname',
  'getservbyport',
] as const;

/** Functions whose result is the error itself. */
const REFUSED_WITH_ERROR = ['GetAddrInfoW', 'getaddrinfo', 'getnameinfo', 'GetNameInfoW'] as const;

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

/** int WSAStartup(version, data). */
const startup: ServiceFunction = (call) => (call.address(1) === 0 ? WSAEFAULT : WSASYSNOTREADY);

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
  gethostname: 57,
  WSAGetLastError: 111,
  WSASetLastError: 112,
  WSAStartup: 115,
  WSACleanup: 116,
};

export const ws2_32: SystemModule = {
  name: 'ws2_32.dll',
  functions: restartable({
    ...list(REFUSED, refuse(SOCKET_ERROR)),
    ...list(REFUSED_WITH_NULL, refuse(0)),
    ...list(REFUSED_WITH_ERROR, refuse(WSANOTINITIALISED)),
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
