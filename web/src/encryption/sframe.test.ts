import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AES_128_GCM_SHA256_128, AES_256_GCM_SHA512_128, decodeHeader, decrypt, deriveKey, encodeHeader, encrypt, nonce } from './sframe'

interface Vectors {
  header: [string, string, string][]
  sframe: { cipher_suite: number; kid: number; ctr: number; base_key: string; sframe_salt: string; metadata: string; nonce: string; pt: string; ct: string }[]
}

/** Appendix C of RFC 9605. */
const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../tests/fixtures/sframe.json'), 'utf8')) as Vectors
const suites = new Map([AES_128_GCM_SHA256_128, AES_256_GCM_SHA512_128].map((suite) => [suite.id, suite]))
const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))
const shown = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('headers are those of the RFC', () => {
  assert.equal(vectors.header.length, 289)
  for (const [kid, ctr, encoded] of vectors.header) {
    assert.equal(shown(encodeHeader(BigInt(kid), BigInt(ctr))), encoded)
    const bytes = hex(encoded)
    assert.deepEqual(decodeHeader(bytes), { kid: BigInt(kid), ctr: BigInt(ctr), length: bytes.length })
    assert.equal(decodeHeader(bytes.subarray(0, bytes.length - 1)), undefined, `${encoded} cut short`)
  }
})

test('keys, nonces and frames are those of the RFC', async () => {
  assert.equal(vectors.sframe.length, 2)
  for (const vector of vectors.sframe) {
    const suite = suites.get(vector.cipher_suite)
    assert.ok(suite)
    const [kid, ctr] = [BigInt(vector.kid), BigInt(vector.ctr)]
    const sending = await deriveKey(suite, kid, hex(vector.base_key), 'encrypt')
    assert.equal(shown(sending.salt), vector.sframe_salt)
    assert.equal(shown(nonce(sending.salt, ctr)), vector.nonce)
    assert.equal(shown(await encrypt(sending, ctr, hex(vector.metadata), hex(vector.pt))), vector.ct)
    const receiving = await deriveKey(suite, kid, hex(vector.base_key), 'decrypt')
    const sealed = hex(vector.ct)
    const header = decodeHeader(sealed)
    assert.ok(header)
    assert.equal(shown(new Uint8Array(await decrypt(receiving, header, hex(vector.metadata), sealed))), vector.pt)
  }
})

test('one changed bit anywhere is refused', async () => {
  const base = hex('000102030405060708090a0b0c0d0e0f')
  const sending = await deriveKey(AES_128_GCM_SHA256_128, 7n, base, 'encrypt')
  const receiving = await deriveKey(AES_128_GCM_SHA256_128, 7n, base, 'decrypt')
  const metadata = hex('9d012a')
  const sealed = await encrypt(sending, 300n, metadata, hex('616263'))
  const open = async (frame: Uint8Array<ArrayBuffer>, clear: Uint8Array) => {
    const header = decodeHeader(frame)
    assert.ok(header)
    return decrypt(receiving, header, clear, frame)
  }
  await open(sealed, metadata)
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.slice()
    changed[at] = (changed[at] ?? 0) ^ 1
    await assert.rejects(open(changed, metadata), `byte ${at}`)
  }
  await assert.rejects(open(sealed, hex('9d012b')), 'what travels in clear')
})
