// Frames of sound and image, encrypted on their way out and opened on their way
// in, by SFrame. What the browser's packetizer and the depacketizer on the other
// side must read stays in clear at the front, and is authenticated with the rest.
//
// Each key id names its sender (RFC 9605, section 5.2): the member's leaf and the
// low bits of the epoch. A line plays only frames of the participant whose line
// it is, each once, so the node can neither exchange people nor play things again.

import { type Bytes, concat } from './bytes'
import type { Group } from './group'
import { AES_128_GCM_SHA256_128 as SUITE, type FrameKey, decodeHeader, decrypt, deriveKey, encrypt } from './sframe'
import type { Mode } from './status'

const LABEL = 'SFrame 1.0 Base Key'
const EPOCH_BITS = 8n
/** Frames that were on their way when the epoch ended. */
const OLD_KEYS_KEPT_MS = 5000
/** A frame may overtake the step into its epoch, which comes by another way. */
const KEY_AWAITED_MS = 500
/**
 * While nothing may go out, frames are encrypted with a key that nobody has, and
 * thrown away at once by whoever gets them: so a line that is held does not look
 * like a line that broke, neither to the node nor to the other side.
 */
const VOID_KID = (1n << 32n) - 1n

export type FrameKind = 'audio' | 'key' | 'delta'

/** VP8's payload header and, in a key frame, its start code and size; Opus' first byte. */
const clearLength: Record<FrameKind, number> = { key: 10, delta: 3, audio: 1 }

interface Received {
  frame: FrameKey
  participant: string
  window: Window
}

export class Frames {
  private mode: Mode = 'hold'
  private sending: FrameKey | undefined
  /** Used for sending once the session has looked at who is in the group. */
  private next: FrameKey | undefined
  private counter = 0n
  private void: Promise<FrameKey> | undefined
  private readonly receiving = new Map<bigint, Received>()
  private awaiting: (() => void)[] = []
  /** Key ids that were awaited in vain since the last step. */
  private readonly unknown = new Set<bigint>()
  /** For the page's measurements. */
  readonly count = { sealed: 0, opened: 0, passed: 0, held: 0, refused: 0 }

  /** `after` runs something later; time is the caller's. */
  constructor(private readonly after: (ms: number, run: () => void) => void) {}

  async install(group: Group | undefined): Promise<void> {
    if (group === undefined) {
      this.sending = undefined
      this.next = undefined
      return
    }
    const base = await group.export(LABEL, new Uint8Array(), SUITE.keyLength)
    const kid = (leaf: number) => (BigInt(leaf) << EPOCH_BITS) | (BigInt(group.epoch) & ((1n << EPOCH_BITS) - 1n))
    const former = [...this.receiving.entries()]
    for (const { leaf, participant } of group.members ?? []) {
      if (leaf === group.ownLeaf) continue
      const frame = await deriveKey(SUITE, kid(leaf), base, 'decrypt')
      this.receiving.set(frame.kid, { frame, participant, window: new Window() })
    }
    this.next = await deriveKey(SUITE, kid(group.ownLeaf), base, 'encrypt')
    this.after(OLD_KEYS_KEPT_MS, () => {
      for (const [id, key] of former) if (this.receiving.get(id) === key) this.receiving.delete(id)
    })
    this.unknown.clear()
    for (const wake of this.awaiting.splice(0)) wake()
  }

  /** True when sending begins again: the others need a picture that stands by itself. */
  setMode(mode: Mode): boolean {
    const before = this.mode !== 'hold' && (this.mode !== 'sealed' || this.sending !== undefined) ? this.mode : 'hold'
    this.mode = mode
    this.sending = this.next
    return mode !== before && mode !== 'hold'
  }

  /** What goes on the wire; `undefined` for a frame without even its header, which would show nothing. */
  async out(kind: FrameKind, data: ArrayBuffer): Promise<ArrayBuffer | undefined> {
    if (this.mode === 'clear') {
      this.count.passed++
      return data
    }
    if (data.byteLength < clearLength[kind]) return undefined
    const held = this.mode === 'hold' || this.sending === undefined
    const key = held || this.sending === undefined ? await (this.void ??= voidKey()) : this.sending
    this.count[held ? 'held' : 'sealed']++
    const frame = new Uint8Array(data)
    const clear = frame.subarray(0, clearLength[kind])
    const sealed = await encrypt(key, this.counter++, clear, frame.subarray(clear.length))
    return concat(clear, sealed).buffer
  }

  /** What is played; `undefined` plays nothing. `participant` is whose line it came on. */
  async in(kind: FrameKind, data: ArrayBuffer, participant: string | undefined): Promise<ArrayBuffer | undefined> {
    if (this.mode === 'clear') {
      this.count.passed++
      return data
    }
    const frame = new Uint8Array(data)
    const clear = frame.subarray(0, clearLength[kind])
    const sealed: Bytes = frame.subarray(clear.length)
    const header = decodeHeader(sealed)
    if (header?.kid === VOID_KID) return undefined
    const from = header && (await this.keyOf(header.kid))
    if (header === undefined || from === undefined || from.participant !== participant || !from.window.isNew(header.ctr)) {
      this.count.refused++
      return undefined
    }
    try {
      const plain = await decrypt(from.frame, header, clear, sealed)
      from.window.take(header.ctr)
      this.count.opened++
      return concat(clear, new Uint8Array(plain)).buffer
    } catch {
      this.count.refused++
      return undefined
    }
  }

  /** A frame of a codec that we cannot encrypt. */
  other(data: ArrayBuffer): ArrayBuffer | undefined {
    this.count[this.mode === 'clear' ? 'passed' : 'refused']++
    return this.mode === 'clear' ? data : undefined
  }

  private async keyOf(kid: bigint): Promise<Received | undefined> {
    const known = this.receiving.get(kid)
    if (known !== undefined || this.unknown.has(kid)) return known
    await new Promise<void>((wake) => {
      this.awaiting.push(wake)
      this.after(KEY_AWAITED_MS, wake)
    })
    const come = this.receiving.get(kid)
    if (come === undefined) this.unknown.add(kid)
    return come
  }
}

/** A key that is forgotten with this page. */
function voidKey(): Promise<FrameKey> {
  return deriveKey(SUITE, VOID_KID, crypto.getRandomValues(new Uint8Array(SUITE.keyLength)), 'encrypt')
}

/** Which counters of a sender were played: a frame is played once. Order may vary a little. */
class Window {
  private highest = -1n
  private seen = new Set<bigint>()

  isNew(ctr: bigint): boolean {
    return ctr > this.highest - 1024n && !this.seen.has(ctr)
  }

  take(ctr: bigint): void {
    this.seen.add(ctr)
    if (ctr > this.highest) this.highest = ctr
    if (this.seen.size > 2048) this.seen = new Set([...this.seen].filter((old) => old > this.highest - 1024n))
  }
}
