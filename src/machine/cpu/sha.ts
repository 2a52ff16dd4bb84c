// The SHA extensions. Dword 3 of an operand is the first word of the standard's. Source: FIPS 180-4; Intel SDM volume 2
// (the pages of the instructions).

import { XMM } from './layout';
import * as ops from './sse-ops';

/** Runs one operation; these raise no exception. */
export function sha(op: u32, dst: usize, src: usize, imm: u32): void {
  switch (op) {
    case ops.SSE_SHA1RNDS4: sha1Rounds(dst, src, imm & 3); return;
    case ops.SSE_SHA1NEXTE: sha1NextE(dst, src); return;
    case ops.SSE_SHA1MSG1: sha1Message1(dst, src); return;
    case ops.SSE_SHA1MSG2: sha1Message2(dst, src); return;
    case ops.SSE_SHA256RNDS2: sha256Rounds(dst, src); return;
    case ops.SSE_SHA256MSG1: sha256Message1(dst, src); return;
    default: sha256Message2(dst, src);
  }
}

// @ts-ignore: decorator
@inline
function word(vector: usize, n: u32): u32 {
  return load<u32>(vector + <usize>(n << 2));
}

/** Writes dwords 3 to 0. */
function storeWords(dst: usize, w3: u32, w2: u32, w1: u32, w0: u32): void {
  store<u32>(dst, w0);
  store<u32>(dst, w1, 4);
  store<u32>(dst, w2, 8);
  store<u32>(dst, w3, 12);
}

function choose(x: u32, y: u32, z: u32): u32 {
  return (x & y) ^ (~x & z);
}

function majority(x: u32, y: u32, z: u32): u32 {
  return (x & y) ^ (x & z) ^ (y & z);
}

/** The function of SHA-1's rounds 20 `part` to 20 `part` + 19, with its constant added. */
function sha1Mix(part: u32, b: u32, c: u32, d: u32): u32 {
  if (part == 0) return choose(b, c, d) + 0x5a827999;
  if (part == 1) return (b ^ c ^ d) + 0x6ed9eba1;
  if (part == 2) return majority(b, c, d) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

/** Four rounds; the message words come with the first E already added to the first of them. */
function sha1Rounds(dst: usize, src: usize, part: u32): void {
  let a = word(dst, 3);
  let b = word(dst, 2);
  let c = word(dst, 1);
  let d = word(dst, 0);
  let e: u32 = 0;
  for (let n: u32 = 0; n < 4; n++) {
    const next = sha1Mix(part, b, c, d) + rotl<u32>(a, 5) + word(src, 3 - n) + e;
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = next;
  }
  storeWords(dst, a, b, c, d);
}

function sha1NextE(dst: usize, src: usize): void {
  const e = word(src, 3) + rotl<u32>(word(dst, 3), 30);
  storeWords(dst, e, word(src, 2), word(src, 1), word(src, 0));
}

function sha1Message1(dst: usize, src: usize): void {
  const w0 = word(dst, 3);
  const w1 = word(dst, 2);
  const w2 = word(dst, 1);
  const w3 = word(dst, 0);
  storeWords(dst, w2 ^ w0, w3 ^ w1, word(src, 3) ^ w2, word(src, 2) ^ w3);
}

function sha1Message2(dst: usize, src: usize): void {
  const w16 = rotl<u32>(word(dst, 3) ^ word(src, 2), 1);
  const w17 = rotl<u32>(word(dst, 2) ^ word(src, 1), 1);
  const w18 = rotl<u32>(word(dst, 1) ^ word(src, 0), 1);
  const w19 = rotl<u32>(word(dst, 0) ^ w16, 1);
  storeWords(dst, w16, w17, w18, w19);
}

/** Two rounds on C D G H (destination) and A B E F (source); XMM0 has the message words with their constants. */
function sha256Rounds(dst: usize, src: usize): void {
  let a = word(src, 3);
  let b = word(src, 2);
  let c = word(dst, 3);
  let d = word(dst, 2);
  let e = word(src, 1);
  let f = word(src, 0);
  let g = word(dst, 1);
  let h = word(dst, 0);
  for (let n: u32 = 0; n < 2; n++) {
    const s1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
    const s0 = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
    const sum = choose(e, f, g) + s1 + word(XMM, n) + h;
    const next = sum + majority(a, b, c) + s0;
    h = g;
    g = f;
    f = e;
    e = d + sum;
    d = c;
    c = b;
    b = a;
    a = next;
  }
  storeWords(dst, a, b, e, f);
}

function small0(w: u32): u32 {
  return rotr<u32>(w, 7) ^ rotr<u32>(w, 18) ^ (w >> 3);
}

function small1(w: u32): u32 {
  return rotr<u32>(w, 17) ^ rotr<u32>(w, 19) ^ (w >> 10);
}

function sha256Message1(dst: usize, src: usize): void {
  const w0 = word(dst, 0);
  const w1 = word(dst, 1);
  const w2 = word(dst, 2);
  const w3 = word(dst, 3);
  storeWords(dst, w3 + small0(word(src, 0)), w2 + small0(w3), w1 + small0(w2), w0 + small0(w1));
}

function sha256Message2(dst: usize, src: usize): void {
  const w16 = word(dst, 0) + small1(word(src, 2));
  const w17 = word(dst, 1) + small1(word(src, 3));
  const w18 = word(dst, 2) + small1(w16);
  const w19 = word(dst, 3) + small1(w17);
  storeWords(dst, w19, w18, w17, w16);
}
