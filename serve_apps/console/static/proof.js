// Merkle proofs (RFC 6962) and signatures, checked in the browser: the server is asked for evidence, not for its word.

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => new Uint8Array((text.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
const unbase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const sha256 = async (...parts) => {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
};
const node = (left, right) => sha256([1], left, right);

/** Whether this browser can check at all: hashing needs https or this very machine. */
export const canCheck = () => Boolean(globalThis.crypto?.subtle);

/** The leaf hash of an entry's leaf bytes, as hex. */
export const leafHash = async (leaf) => hex(await sha256([0], leaf instanceof Uint8Array ? leaf : new TextEncoder().encode(leaf)));

/** The root that an inclusion proof leads to (RFC 9162, 2.1.3.2): `index` counts from 0. Null for a malformed proof. */
export async function rootFromInclusion(index, size, leaf_hash, path) {
  if (index >= size) return null;
  let [fn, sn, root] = [index, size - 1, unhex(leaf_hash)];
  for (const step of path.map(unhex)) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      root = await node(step, root);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else {
      root = await node(root, step);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 ? hex(root) : null;
}

/** Whether a tree of size `second` only appended to one of size `first` (RFC 9162, 2.1.4.2). */
export async function isConsistent(first, second, first_root, second_root, proof) {
  if (first === second) return first_root === second_root && proof.length === 0;
  if (first === 0) return true;
  if (first > second || proof.length === 0) return false;
  const path = proof.map(unhex);
  if (Number.isInteger(Math.log2(first))) path.unshift(unhex(first_root));
  let [fn, sn] = [first - 1, second - 1];
  while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  let [fr, sr] = [path[0], path[0]];
  for (const step of path.slice(1)) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      fr = await node(step, fr);
      sr = await node(step, sr);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else {
      sr = await node(sr, step);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && hex(fr) === first_root && hex(sr) === second_root;
}

/** Whether an Ed25519 signature (base64) by `key` (raw, hex) holds: true, false, or null where this browser cannot tell. */
export async function isSigned(key, signature, body) {
  try {
    const known = await crypto.subtle.importKey("raw", unhex(key), "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", known, unbase64(signature), new TextEncoder().encode(body));
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") return null;
    throw error;
  }
}
