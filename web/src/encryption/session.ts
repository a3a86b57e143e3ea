// The end-to-end encryption of one page's stay in one room: who must be in the
// group, who takes the next step, what may be sent, and what the person is told.
//
// The node that carries the messages is not trusted. It can withhold, replay,
// reorder and invent; what it cannot do is make two pages show the same check
// words while it can read what they send. Where anything is amiss this side
// sends nothing (`hold`); it sends in clear only when the room's state says that
// somebody's browser cannot do better, and then says so for as long as it lasts.
//
// Whoever is in no group offers keys to all. The first in the room's order, of
// those who hold the group, adds and removes so that the group is exactly who
// the state shows; when nobody holds one, the first of all founds it. A page
// that missed a step forgets its group and offers keys again.

import type { ParticipantView, RoomView, SealKind, Sealed } from '../call/protocol'
import { type Bytes, fromBase64, toBase64 } from './bytes'
import { Group, Keys, type Member, type Offered, type Step, readKeyPackage } from './group'
import { type Mode, type Status, matesOf } from './status'
import { checkWords, commitment, freshNonce } from './words'

export type Outgoing = Sealed & { to?: string }

export interface World {
  send(message: Outgoing): void
  /** The group's present epoch, or none. */
  install(group: Group | undefined): Promise<void>
  show(mode: Mode, status: Status): void
  after(ms: number, run: () => void): () => void
  warn(what: string, error: unknown): void
}

/** Setting up takes a fraction of a second; after this the person should know. */
const STALLED_AFTER_MS = 6000

interface Pending extends Step {
  group: string
  epoch: number
}

/** What members said for the check words of one epoch, by leaf. */
interface Check {
  nonce: Bytes
  commitments: Map<number, string>
  nonces: Map<number, Bytes>
  revealed: boolean
  broken: boolean
  words: string[] | undefined
}

export class Session {
  private work: Promise<void> = Promise.resolve()
  private me = ''
  private place: string | undefined
  private mates: ParticipantView[] = []
  private keys: Keys | undefined
  private readonly offered = new Map<string, Offered>()
  /** Those who were last asked to take us in, to ask again when they change. */
  private asked = ''
  private group: Group | undefined
  private pending: Pending | undefined
  private check: Check | undefined
  private stalled = false
  private stopWaiting: (() => void) | undefined

  constructor(private readonly world: World) {}

  /** Everything happens one after the other; this ends when all that was asked for has. */
  get idle(): Promise<void> {
    return this.work
  }

  /** The line to the node is new: what was said meanwhile may be lost, both ways. */
  lineOpened(me: string): void {
    this.run(async () => {
      this.me = me
      this.asked = ''
      if (this.pending !== undefined) await this.forget()
      this.tell('status')
      await this.sayCheck()
    })
  }

  room(view: RoomView): void {
    this.run(async () => {
      const mates = matesOf(view)
      const before = this.place
      this.place = mates.length > 0 ? view.place : undefined
      this.mates = mates
      if (before !== this.place) await this.forget()
    })
  }

    heard(from: string, message: Sealed): void {
    this.run(() => this.take(from, message))
  }

  /** Another step of that epoch was first; it is on its way, or we have missed it. */
  refused(group: string, epoch: number): void {
    this.run(async () => {
      if (this.pending?.group === group && this.pending.epoch === epoch) await this.forget()
    })
  }

  /** The call is over. */
  close(): void {
    this.run(async () => {
      this.mates = []
      this.place = undefined
      await this.forget()
    })
  }

  private run(task: () => Promise<void>): void {
    this.work = this.work.then(task).then(() => this.settle()).catch((error: unknown) => this.world.warn('encryption', error))
  }

  // What comes from others.

  private async take(from: string, message: Sealed): Promise<void> {
    switch (message.kind) {
      case 'key_package':
        return this.takeKeys(message)
      case 'commit':
        return this.takeCommit(from, message)
      case 'application':
        return this.takeSaid(from, message)
      case 'status':
        return this.takeStatus(from, message)
    }
  }

  private async takeKeys({ payload }: Sealed): Promise<void> {
    const offered = readKeyPackage(payload)
    if (offered === undefined || offered.identity.participant === this.me) return
    const shown = this.mates.find(({ participant }) => participant === offered.identity.participant)
    // Keys under a name that the state does not show are nobody's; those of
    // somebody whom we shall only be told of in a moment will be offered again.
    if (shown === undefined || !sameIdentity(shown, offered.identity)) return
    if (this.group?.holds(offered) !== true) this.offered.set(offered.identity.participant, offered)
  }

  private async takeCommit(from: string, message: Sealed): Promise<void> {
    const { group, epoch, payload, welcome } = message
    if (this.pending?.commit === payload) {
      const { next } = this.pending
      this.pending = undefined
      return this.adopt(next)
    }
    if (this.group === undefined) {
      if (welcome === undefined || this.keys === undefined) return
      // Not for these keys: it is somebody else's welcome, or not sound.
      const entered = await Group.enter(welcome, this.keys).catch(() => undefined)
      return entered && this.adopt(entered)
    }
    if (group !== this.group.id) {
      this.tell('status', from)
      return
    }
    if (epoch > this.group.epoch) return this.forget()
    // An older step is one that we have taken, or a replay.
    if (epoch < this.group.epoch) return
    const held = this.group
    const followed = await held.follow(payload).catch((error: unknown) => {
      // Forged or damaged. If it was good for everybody else, their next word tells.
      this.world.warn('a step that cannot be followed', error)
      return held
    })
    if (followed === held) return
    this.pending = undefined
    if (followed === undefined) await this.forget()
    else await this.adopt(followed)
  }

  private async takeSaid(from: string, { group, epoch, payload }: Sealed): Promise<void> {
    if (this.group === undefined) return
    if (group !== this.group.id) {
      this.tell('status', from)
      return
    }
    if (epoch > this.group.epoch) return this.forget()
    if (epoch < this.group.epoch) return
    const said = await this.group.hear(payload).catch(() => undefined)
    if (said !== undefined) await this.takeCheck(said)
  }

  private async takeStatus(from: string, { group, epoch }: Sealed): Promise<void> {
    if (this.group === undefined) {
      this.asked = ''
      return
    }
    if (group === undefined || group === '') return
    const [theirs, ours] = [this.mates, this.mates].map((mates, side) => mates.findIndex(({ participant }) => participant === (side === 0 ? from : this.me)))
    if (group === this.group.id) {
      if (epoch > this.group.epoch) await this.forget()
      else if (epoch < this.group.epoch) this.tell('status', from)
      else await this.sayCheck()
    } else if ((theirs ?? 0) < (ours ?? 0)) {
      // Of two groups, the one of whoever comes first in the room goes on.
      await this.forget()
    } else {
      this.tell('status', from)
    }
  }

  // The group.

  private async adopt(group: Group): Promise<void> {
    this.group = group
    // Keys enter one group once.
    this.keys = undefined
    for (const [participant, offered] of this.offered) if (group.holds(offered)) this.offered.delete(participant)
    this.check = { nonce: freshNonce(), commitments: new Map(), nonces: new Map(), revealed: false, broken: false, words: undefined }
    this.check.commitments.set(group.ownLeaf, await commitment(group.authenticator, group.ownLeaf, this.check.nonce))
    this.check.nonces.set(group.ownLeaf, this.check.nonce)
    await this.world.install(group)
    await this.sayCheck()
  }

  /** Leaves the group to the others and starts afresh. */
  private async forget(): Promise<void> {
    this.group = undefined
    this.pending = undefined
    this.check = undefined
    this.keys = undefined
    this.asked = ''
    await this.world.install(undefined)
  }

  /** Brings the group towards who the state shows, as far as it is up to us. */
  private async evolve(): Promise<void> {
    const able = this.mates.filter(({ encryption }) => encryption === true)
    for (const participant of this.offered.keys()) {
      if (!able.some((mate) => mate.participant === participant)) this.offered.delete(participant)
    }
    // Alone, the group is kept: when the node restarts, everybody is for a moment.
    if (able.length < 2) return
    if (this.group === undefined) await this.beTakenIn(able)
    if (this.group !== undefined && this.pending === undefined) await this.commit(this.group, able)
  }

  private async beTakenIn(able: ParticipantView[]): Promise<void> {
    const self = able.find(({ participant }) => participant === this.me)
    if (self === undefined) return
    const { participant, role, label } = self
    this.keys ??= await Keys.make({ participant, role, label })
    const others = able.filter((mate) => mate !== self)
    const asking = JSON.stringify(others.map((mate) => [mate.participant, mate.connected]))
    if (asking !== this.asked) {
      this.asked = asking
      this.world.send({ kind: 'key_package', epoch: 0, payload: this.keys.encode() })
    }
    // Everybody there asks to be taken in: so nobody holds a group.
    const there = others.filter(({ connected }) => connected)
    const first = able.find((mate) => mate === self || mate.connected)
    if (first === self && there.length > 0 && there.every((mate) => this.offered.has(mate.participant))) {
      this.group = await Group.found(this.keys)
    }
  }

  private async commit(group: Group, able: ParticipantView[]): Promise<void> {
    const members = group.members ?? []
    const isMember = (mate: ParticipantView) => members.some(({ participant }) => participant === mate.participant)
    const first = able.find((mate) => isMember(mate) && !this.offered.has(mate.participant) && (mate.connected || mate.participant === this.me))
    if (first?.participant !== this.me) return
    const remove = members.filter(
      ({ participant, leaf }) =>
        leaf !== group.ownLeaf && (participant === this.me || this.offered.has(participant) || !able.some((mate) => mate.participant === participant)),
    )
    const add = [...this.offered.values()].filter(({ identity }) => identity.participant !== this.me)
    if (add.length === 0 && remove.length === 0) return
    const { id, epoch } = group
    const step = await group.step(add, remove.map(({ leaf }) => leaf)).catch((error: unknown) => {
      // Somebody's keys are not sound. Without them the others can go on.
      this.world.warn('a step that cannot be taken', error)
      this.offered.clear()
      return undefined
    })
    if (step === undefined) return
    this.pending = { ...step, group: id, epoch }
    const message: Outgoing = { kind: 'commit', group: id, epoch, payload: step.commit }
    this.world.send(step.welcome === undefined ? message : { ...message, welcome: step.welcome })
  }

  // The check words.

  private async sayCheck(): Promise<void> {
    const { group, check } = this
    if (group === undefined || check === undefined || (group.members?.length ?? 0) < 2) return
    const leaf = group.ownLeaf
    await this.say(group, { leaf, commitment: check.commitments.get(leaf) })
    if (check.revealed) await this.say(group, { leaf, nonce: toBase64(check.nonce) })
  }

  private async takeCheck(said: string): Promise<void> {
    const { group, check } = this
    const members = group?.members
    if (group === undefined || check === undefined || members === undefined) return
    const word = readCheck(said)
    if (word === undefined || word.leaf === group.ownLeaf || !members.some(({ leaf }) => leaf === word.leaf)) return
    if (word.commitment !== undefined) {
      const before = check.commitments.get(word.leaf)
      if (before === undefined) check.commitments.set(word.leaf, word.commitment)
      else if (before !== word.commitment) check.broken = true
    }
    if (word.nonce !== undefined) {
      const kept = check.commitments.get(word.leaf) === (await commitment(group.authenticator, word.leaf, word.nonce))
      if (kept) check.nonces.set(word.leaf, word.nonce)
      else check.broken = true
    }
    // Only who has everybody's commitment shows their own number.
    if (!check.revealed && members.every(({ leaf }) => check.commitments.has(leaf))) {
      check.revealed = true
      await this.say(group, { leaf: group.ownLeaf, nonce: toBase64(check.nonce) })
    }
    if (check.revealed && members.every(({ leaf }) => check.nonces.has(leaf))) {
      check.words = await checkWords(group.authenticator, members, check.nonces)
    }
  }

  private async say(group: Group, word: object): Promise<void> {
    const payload = await group.say(JSON.stringify(word))
    this.world.send({ kind: 'application', group: group.id, epoch: group.epoch, payload })
  }

  private tell(kind: SealKind, to?: string): void {
    if (this.group === undefined) return
    const message: Outgoing = { kind, group: this.group.id, epoch: this.group.epoch, payload: '' }
    this.world.send(to === undefined ? message : { ...message, to })
  }

  // What follows from all that.

  private async settle(): Promise<void> {
    const cannot = this.mates.filter(({ encryption }) => encryption !== true).map(({ participant }) => participant)
    const denied = cannot.includes(this.me)
    if (!denied) await this.evolve()
    else if (this.group !== undefined) await this.forget()
    const [mode, status] = this.outcome(cannot, denied)
    this.wait(status)
    this.world.show(mode, status)
  }

  private outcome(cannot: string[], denied: boolean): [Mode, Status] {
    if (this.mates.length < 2) return ['hold', { kind: 'alone' }]
    if (denied) return ['clear', { kind: 'clear', because: 'server', who: [this.me] }]
    if (cannot.length > 0) return ['clear', { kind: 'clear', because: 'browser', who: cannot }]
    const members = this.group?.members
    // A founder's group of one has nobody to send to.
    const known = members !== undefined && members.length > 1 && members.every((member) => this.shows(member))
    const whole = known && members.length === this.mates.length && new Set(members.map(({ participant }) => participant)).size === members.length
    if (this.check?.broken === true) return ['hold', { kind: 'refused', because: 'mismatch' }]
    // Somebody may still be on their way in; nobody who is not shown may listen.
    const mode = known ? 'sealed' : 'hold'
    // Without the words nobody could tell; they come a moment after the keys.
    const words = this.check?.words
    if (whole && words !== undefined) return [mode, { kind: 'sealed', words }]
    if (!this.stalled) return [mode, { kind: 'setting_up' }]
    const strange = members?.some((member) => !this.shows(member)) === true
    return [mode, { kind: 'refused', because: strange ? 'mismatch' : 'stalled' }]
  }

  private shows(member: Member): boolean {
    return this.mates.some((mate) => mate.participant === member.participant && sameIdentity(mate, member))
  }

  /** Says so when setting up takes too long, and tries anew what can be tried. */
  private wait({ kind }: Status): void {
    if (kind !== 'setting_up' && kind !== 'refused') {
      this.stopWaiting?.()
      this.stopWaiting = undefined
      this.stalled = false
      return
    }
    this.stopWaiting ??= this.world.after(STALLED_AFTER_MS, () => {
      this.stopWaiting = undefined
      this.run(async () => {
        this.stalled = true
        const members = this.group?.members
        if (this.pending !== undefined || members === undefined || !members.every((member) => this.shows(member))) await this.forget()
      })
    })
  }
}

function sameIdentity(shown: ParticipantView, { role, label }: { role: string; label: string }): boolean {
  return shown.role === role && shown.label === label
}

function readCheck(said: string): { leaf: number; commitment?: string; nonce?: Bytes } | undefined {
  let value: unknown
  try {
    value = JSON.parse(said)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { leaf, commitment: committed, nonce } = value as Record<string, unknown>
  if (typeof leaf !== 'number') return undefined
  const bytes = typeof nonce === 'string' ? fromBase64(nonce) : undefined
  return { leaf, ...(typeof committed === 'string' ? { commitment: committed } : {}), ...(bytes?.length === 32 ? { nonce: bytes } : {}) }
}
