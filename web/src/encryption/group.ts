// One group of MLS (RFC 9420), as the library ts-mls keeps it: who is in, the
// step to the next epoch, messages within, exported secrets. A group is a value;
// each step gives another one.
//
// The library does the cryptography and the protocol's own checks. Who *should*
// be in the group, and who commits when, is `session.ts`.

import {
  type CiphersuiteImpl,
  type ClientState,
  type KeyPackage,
  type MLSMessage,
  type PrivateKeyPackage,
  type Proposal,
  acceptAll,
  createApplicationMessage,
  createCommit,
  createGroup,
  decodeMlsMessage,
  defaultLifetime,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  mlsExporter,
  processMessage,
  zeroOutUint8Array,
} from 'ts-mls'
import { type Bytes, equal, fromBase64, owned, toBase64, utf8 } from './bytes'

/** The suite that every implementation of MLS has, and that browsers compute natively. */
const SUITE = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'

/** Who somebody says they are; signed by their key, and compared with the room's state. */
export interface Identity {
  participant: string
  role: string
  label: string
}

export interface Member extends Identity {
  /** Their place in the group's tree, which their frames carry. */
  leaf: number
}

let suite: Promise<CiphersuiteImpl> | undefined

function cipherSuite(): Promise<CiphersuiteImpl> {
  suite ??= getCiphersuiteImpl(getCiphersuiteFromName(SUITE))
  return suite
}

/** The keys by which one page enters one group, once. */
export class Keys {
  private constructor(
    readonly published: KeyPackage,
    readonly kept: PrivateKeyPackage,
  ) {}

  /** Rejects where the browser lacks what the suite needs. */
  static async make(identity: Identity): Promise<Keys> {
    const capabilities = { versions: ['mls10' as const], ciphersuites: [SUITE as typeof SUITE], extensions: [], proposals: [], credentials: ['basic' as const] }
    const credential = { credentialType: 'basic' as const, identity: encodeIdentity(identity) }
    const { publicPackage, privatePackage } = await generateKeyPackage(credential, capabilities, defaultLifetime, [], await cipherSuite())
    return new Keys(publicPackage, privatePackage)
  }

  encode(): string {
    return encode({ version: 'mls10', wireformat: 'mls_key_package', keyPackage: this.published })
  }
}

/** Somebody's published keys, read but not yet believed: the group checks their signature when it adds them. */
export interface Offered {
  identity: Identity
  keyPackage: KeyPackage
}

export function readKeyPackage(payload: string): Offered | undefined {
  const message = decode(payload)
  if (message?.wireformat !== 'mls_key_package') return undefined
  const identity = readIdentity(message.keyPackage.leafNode.credential)
  return identity === undefined ? undefined : { identity, keyPackage: message.keyPackage }
}

export interface Step {
  commit: string
  welcome: string | undefined
  next: Group
}

export class Group {
  private constructor(
    private state: ClientState,
    private readonly cs: CiphersuiteImpl,
  ) {}

  static async found(keys: Keys): Promise<Group> {
    const cs = await cipherSuite()
    const name = crypto.getRandomValues(new Uint8Array(16))
    return new Group(await createGroup(name, keys.published, keys.kept, [], cs), cs)
  }

  /** Rejects when the welcome is not for these keys, or not sound. */
  static async enter(welcome: string, keys: Keys): Promise<Group> {
    const message = decode(welcome)
    if (message?.wireformat !== 'mls_welcome') throw new Error('not a welcome')
    const cs = await cipherSuite()
    return new Group(await joinGroup(message.welcome, keys.published, keys.kept, emptyPskIndex, cs), cs)
  }

  get id(): string {
    return toBase64(this.state.groupContext.groupId)
  }

  get epoch(): number {
    return Number(this.state.groupContext.epoch)
  }

  get ownLeaf(): number {
    return this.state.privatePath.leafIndex
  }

  /** Same for all members of this epoch, and for nobody else. */
  get authenticator(): Bytes {
    return owned(this.state.keySchedule.epochAuthenticator)
  }

  /** Everybody in the group; `undefined` when somebody's credential cannot be read. */
  get members(): Member[] | undefined {
    const members: Member[] = []
    // Leaves are the even nodes of the tree.
    for (let node = 0; node < this.state.ratchetTree.length; node += 2) {
      const at = this.state.ratchetTree[node]
      if (at?.nodeType !== 'leaf') continue
      const identity = readIdentity(at.leaf.credential)
      if (identity === undefined) return undefined
      members.push({ ...identity, leaf: node / 2 })
    }
    return members
  }

  /** Whether somebody is in with just these keys, and not with those of a page since reloaded. */
  holds({ keyPackage }: Offered): boolean {
    const { signaturePublicKey } = keyPackage.leafNode
    return this.state.ratchetTree.some((node) => node?.nodeType === 'leaf' && equal(node.leaf.signaturePublicKey, signaturePublicKey))
  }

  /** Prepares the step into the next epoch. This group stays as it is until the step is accepted. */
  async step(add: Offered[], removeLeaves: number[]): Promise<Step> {
    const extraProposals: Proposal[] = [
      ...removeLeaves.map((removed): Proposal => ({ proposalType: 'remove', remove: { removed } })),
      ...add.map(({ keyPackage }): Proposal => ({ proposalType: 'add', add: { keyPackage } })),
    ]
    // Signed rather than encrypted: the node knows who comes and goes, and a
    // step that is refused must not use up a key of this epoch.
    const options = { extraProposals, wireAsPublicMessage: true, ratchetTreeExtension: true }
    const { commit, welcome, newState } = await createCommit({ state: this.state, cipherSuite: this.cs }, options)
    return {
      commit: encode(commit),
      welcome: welcome && encode({ version: 'mls10', wireformat: 'mls_welcome', welcome }),
      next: new Group(newState, this.cs),
    }
  }

  /** Follows somebody else's step; `undefined` when it took us out. Rejects when it is not sound. */
  async follow(commit: string): Promise<Group | undefined> {
    const message = decode(commit)
    if (message?.wireformat !== 'mls_public_message') throw new Error('not a commit')
    const { content } = message.publicMessage
    if (content.contentType !== 'commit' || content.sender.senderType !== 'member') throw new Error('not a commit of a member')
    if (!equal(content.groupId, this.state.groupContext.groupId)) throw new Error('a commit of another group')
    const result = await processMessage(message, this.state, emptyPskIndex, acceptAll, this.cs)
    return result.newState.groupActiveState.kind === 'removedFromGroup' ? undefined : new Group(result.newState, this.cs)
  }

  /** A message that only members of this epoch can read or write. */
  async say(text: string): Promise<string> {
    const { privateMessage, newState, consumed } = await createApplicationMessage(this.state, utf8(text), this.cs)
    this.state = newState
    consumed.forEach(zeroOutUint8Array)
    return encode({ version: 'mls10', wireformat: 'mls_private_message', privateMessage })
  }

  /** Rejects what no member of this epoch said. */
  async hear(payload: string): Promise<string> {
    const message = decode(payload)
    if (message?.wireformat !== 'mls_private_message') throw new Error('not a message of a group')
    if (message.privateMessage.epoch !== this.state.groupContext.epoch) throw new Error('a message of another epoch')
    const result = await processMessage(message, this.state, emptyPskIndex, () => 'reject', this.cs)
    this.state = result.newState
    result.consumed.forEach(zeroOutUint8Array)
    if (result.kind !== 'applicationMessage') throw new Error('not something said')
    return new TextDecoder().decode(result.message)
  }

  /** A secret of this epoch for one use (RFC 9420, section 8.5). */
  async export(label: string, context: Uint8Array, length: number): Promise<Bytes> {
    return owned(await mlsExporter(this.state.keySchedule.exporterSecret, label, context, length, this.cs))
  }
}

/** One way of writing an identity, so that equal ones are equal bytes. */
export function encodeIdentity({ participant, role, label }: Identity): Bytes {
  return utf8(JSON.stringify([participant, role, label]))
}

function readIdentity(credential: { credentialType: string }): Identity | undefined {
  if (!('identity' in credential) || !(credential.identity instanceof Uint8Array)) return undefined
  try {
    const parts: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(credential.identity))
    if (!Array.isArray(parts) || parts.length !== 3 || !parts.every((part) => typeof part === 'string')) return undefined
    const [participant, role, label] = parts as [string, string, string]
    return { participant, role, label }
  } catch {
    return undefined
  }
}

function encode(message: MLSMessage): string {
  return toBase64(encodeMlsMessage(message))
}

/** What comes from the network may be anything. */
function decode(payload: string): MLSMessage | undefined {
  const bytes = fromBase64(payload)
  if (bytes === undefined) return undefined
  try {
    const read = decodeMlsMessage(bytes, 0)
    return read !== undefined && read[1] === bytes.length ? read[0] : undefined
  } catch {
    return undefined
  }
}
