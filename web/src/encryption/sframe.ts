// SFrame (RFC 9605): the format of an encrypted frame and the derivation of its
// keys, on WebCrypto's HKDF and AES-GCM. Nothing here is of our own making: the
// RFC's test vectors are this file's tests (tests/fixtures/sframe.json).
//
// There is no SFrame library for browsers that follows the RFC: those on npm
// implement early drafts. This is the AEAD half of it, suites 4 and 5.

import { type Bytes, bigEndian, concat, fromBigEndian, utf8 } from './bytes'

interface Suite {
  id: number
  hash: 'SHA-256' | 'SHA-512'
  keyLength: number
}

export const AES_128_GCM_SHA256_128: Suite = { id: 4, hash: 'SHA-256', keyLength: 16 }
export const AES_256_GCM_SHA512_128: Suite = { id: 5, hash: 'SHA-512', keyLength: 32 }

const NONCE_LENGTH = 12

/** One key of one sender, by its key id. */
export interface FrameKey {
  kid: bigint
  key: CryptoKey
  salt: Bytes
}

export interface Header {
  kid: bigint
  ctr: bigint
  length: number
}

/** Section 4.4.2. `base` is the secret that both sides hold for that key id. */
export async function deriveKey(suite: Suite, kid: bigint, base: Bytes, use: 'encrypt' | 'decrypt'): Promise<FrameKey> {
  const secret = await crypto.subtle.importKey('raw', base, 'HKDF', false, ['deriveKey', 'deriveBits'])
  const hkdf = (what: string) => ({
    name: 'HKDF',
    hash: suite.hash,
    salt: new Uint8Array(),
    info: concat(utf8(`SFrame 1.0 Secret ${what} `), bigEndian(kid, 8), bigEndian(BigInt(suite.id), 2)),
  })
  const salt = new Uint8Array(await crypto.subtle.deriveBits(hkdf('salt'), secret, NONCE_LENGTH * 8))
  const key = await crypto.subtle.deriveKey(hkdf('key'), secret, { name: 'AES-GCM', length: suite.keyLength * 8 }, false, [use])
  return { kid, key, salt }
}

/** Section 4.3: small numbers in the first byte, larger ones behind it. */
export function encodeHeader(kid: bigint, ctr: bigint): Bytes {
  const [kidBits, kidBytes] = field(kid)
  const [ctrBits, ctrBytes] = field(ctr)
  return concat(Uint8Array.of((kidBits << 4) | ctrBits), kidBytes, ctrBytes)
}

/** `undefined` when the bytes end too early. */
export function decodeHeader(bytes: Uint8Array): Header | undefined {
  const [first] = bytes
  if (first === undefined) return undefined
  let length = 1
  const read = (bits: number): bigint | undefined => {
    if (bits < 8) return BigInt(bits)
    const end = length + bits - 7
    if (end > bytes.length) return undefined
    const value = fromBigEndian(bytes.subarray(length, end))
    length = end
    return value
  }
  const kid = read(first >> 4)
  const ctr = kid === undefined ? undefined : read(first & 15)
  return kid === undefined || ctr === undefined ? undefined : { kid, ctr, length }
}

/** Section 4.4.3: header and ciphertext. `metadata` is authenticated and travels elsewhere. */
export async function encrypt({ kid, key, salt }: FrameKey, ctr: bigint, metadata: Uint8Array, plain: Bytes): Promise<Bytes> {
  const header = encodeHeader(kid, ctr)
  const cipher = await crypto.subtle.encrypt(aead(salt, ctr, header, metadata), key, plain)
  return concat(header, new Uint8Array(cipher))
}

/** Section 4.4.4. Rejects when anything was changed. */
export async function decrypt({ key, salt }: FrameKey, header: Header, metadata: Uint8Array, sealed: Bytes): Promise<ArrayBuffer> {
  const encoded = sealed.subarray(0, header.length)
  return crypto.subtle.decrypt(aead(salt, header.ctr, encoded, metadata), key, sealed.subarray(header.length))
}

function aead(salt: Bytes, ctr: bigint, header: Uint8Array, metadata: Uint8Array): AesGcmParams {
  return { name: 'AES-GCM', iv: nonce(salt, ctr), additionalData: concat(header, metadata), tagLength: 128 }
}

/** The salt with the counter mixed into its end. */
export function nonce(salt: Uint8Array, ctr: bigint): Bytes {
  const counter = bigEndian(ctr, salt.length)
  return counter.map((byte, index) => byte ^ (salt[index] ?? 0))
}

/** The four bits of a number in the first byte, and the bytes that follow. */
function field(value: bigint): [number, Bytes] {
  if (value < 8n) return [Number(value), new Uint8Array()]
  let length = 1
  while (length < 8 && value >> BigInt(8 * length) > 0n) length++
  return [8 | (length - 1), bigEndian(value, length)]
}
