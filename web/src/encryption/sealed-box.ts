// Seals what is not sound nor image (chat, live text, files) with a key exported
// from the group's epoch. Bound to what it is, who sent it and the epoch: moved
// elsewhere, it does not open.
//
// The key is the group's: outsiders can neither read nor write, while between
// members the sender's name is on their word.

import { type Bytes, concat, fromBase64, owned, toBase64, utf8 } from './bytes'
import type { Group } from './group'

const LABEL = 'VisioPlainte sealed box'
const NONCE_LENGTH = 12
/** Something sealed just before an epoch ended still opens. */
const EPOCHS_KEPT = 4

export interface Box {
  group: string
  epoch: number
  /** Base64. */
  payload: string
}

export class SealedBoxes {
  private readonly keys = new Map<string, CryptoKey>()
  private current: { group: string; epoch: number } | undefined

  async install(group: Group): Promise<void> {
    const { id, epoch } = group
    const raw = await group.export(LABEL, new Uint8Array(), 32)
    const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt'])
    this.keys.set(name(id, epoch), key)
    for (const former of [...this.keys.keys()].slice(0, -EPOCHS_KEPT)) this.keys.delete(former)
    this.current = { group: id, epoch }
  }

  /** Nothing more is sealed; what was sealed before still opens. */
  uninstall(): void {
    this.current = undefined
  }

  /** `undefined` while there is no key: nothing goes out in clear by mistake. */
  async seal(kind: string, sender: string, plain: Bytes): Promise<Box | undefined> {
    const { current } = this
    const key = current && this.keys.get(name(current.group, current.epoch))
    if (current === undefined || key === undefined) return undefined
    // Random, since all members share the key: 2^32 boxes in an epoch would still be safe.
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH))
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: bound(current, kind, sender) }, key, plain)
    return { ...current, payload: toBase64(concat(iv, new Uint8Array(sealed))) }
  }

  /** `undefined` when it is not what that sender sealed as that kind, or too old. */
  async open(kind: string, sender: string, { group, epoch, payload }: Box): Promise<Bytes | undefined> {
    const key = this.keys.get(name(group, epoch))
    const bytes = fromBase64(payload)
    if (key === undefined || bytes === undefined) return undefined
    const iv = owned(bytes.subarray(0, NONCE_LENGTH))
    try {
      const algorithm = { name: 'AES-GCM', iv, additionalData: bound({ group, epoch }, kind, sender) }
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, bytes.subarray(NONCE_LENGTH)))
    } catch {
      return undefined
    }
  }
}

function name(group: string, epoch: number): string {
  return `${epoch} ${group}`
}

function bound({ group, epoch }: { group: string; epoch: number }, kind: string, sender: string): Bytes {
  return utf8(JSON.stringify([LABEL, kind, sender, group, epoch]))
}
