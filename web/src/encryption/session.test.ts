import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Place, RoomView } from '../call/protocol'
import { toBase64 } from './bytes'
import { Group, Keys, readKeyPackage } from './group'
import { type Outgoing, Session } from './session'
import { type Mode, type Status, withoutEncryption } from './status'

type Delivered = Outgoing & { from: string }

/** One page: what it shows and holds. */
interface Page {
  session: Session
  mode: Mode
  status: Status
  group: Group | undefined
  modes: Mode[]
}

/** What stands between the pages: by default what the node does; a test may put a liar there. */
class Node {
  readonly pages = new Map<string, Page>()
  private readonly seats = new Map<string, { place: Place; connected: boolean; seated: boolean; able: boolean; label: string }>()
  private last: { group: string; epoch: number } | undefined
  private readonly queue: [string, Delivered][] = []
  private timers: (() => void)[] = []
  /** Sees every message to one page, and decides what arrives there. */
  tamper: (to: string, message: Delivered) => Delivered[] = (_, message) => [message]
  /** Lies about the state to one page. */
  forge: (to: string, view: RoomView) => RoomView = (_, view) => view
  readonly carried: Delivered[] = []
  /** The state as it was last told. */
  view: RoomView | undefined

  constructor(private readonly order: string[]) {}

  private newPage(name: string): Page {
    const page: Page = { session: undefined as unknown as Session, mode: 'hold', status: { kind: 'alone' }, group: undefined, modes: [] }
    page.session = new Session({
      send: (message) => this.said(name, page, message),
      install: async (group) => void (page.group = group),
      show: (mode, status) => {
        page.mode = mode
        page.status = status
        if (page.modes.at(-1) !== mode) page.modes.push(mode)
      },
      after: (_, run) => {
        this.timers.push(run)
        return () => (this.timers = this.timers.filter((other) => other !== run))
      },
      warn: () => undefined,
    })
    return page
  }

  /** Opens the page, or loads it anew. */
  opens(name: string, { able = true, place = 'in' as Place } = {}): void {
    // A page that cannot encrypt has no session.
    if (able) this.pages.set(name, this.newPage(name))
    this.seats.set(name, { place, connected: true, seated: true, able, label: name.toUpperCase() })
    this.line(name)
  }

  /** The same page comes back on a new line. */
  line(name: string): void {
    Object.assign(this.seats.get(name) ?? {}, { connected: true, seated: true })
    this.pages.get(name)?.session.lineOpened(name)
    this.tellState()
  }

  set(name: string, change: { place?: Place; connected?: boolean; seated?: boolean }): void {
    Object.assign(this.seats.get(name) ?? {}, change)
    this.tellState()
  }

  restart(): void {
    this.last = undefined
    this.queue.length = 0
    for (const seat of this.seats.values()) Object.assign(seat, { connected: false, seated: false })
  }

  tellState(): void {
    for (const [name, { session }] of this.pages) {
      const own = this.seats.get(name)
      if (own?.connected !== true) continue
      const participants = this.order.flatMap((participant) => {
        const seat = this.seats.get(participant)
        if (seat === undefined || (own.place === 'waiting' && participant !== name)) return []
        const { place, connected, label, seated, able } = seat
        const view = { participant, role: 'citizen' as const, label, place, connected, audio: true, video: true }
        return [seated ? { ...view, encryption: able } : view]
      })
      this.view = { type: 'state', version: 1, state: 'open', place: own.place, participants, hears: [] }
      session.room(this.forge(name, this.view))
    }
  }

  private said(from: string, page: Page, { to, ...message }: Outgoing): void {
    const own = this.seats.get(from)
    if (this.pages.get(from) !== page || own?.connected !== true || own.place === 'waiting') return
    this.carried.push({ ...message, from })
    const isCommit = message.kind === 'commit'
    if (isCommit) {
      const { group = '', epoch } = message
      const accepted = this.last === undefined || (this.last.group === group ? epoch === this.last.epoch + 1 : epoch === 0)
      if (!accepted) {
        page.session.refused(group, epoch)
        return
      }
      this.last = { group, epoch }
    }
    for (const other of this.pages.keys()) {
      const seat = this.seats.get(other)
      if (seat?.connected !== true || seat.place !== own.place) continue
      if (isCommit || (other !== from && (to === undefined || to === other))) this.queue.push([other, { ...message, from }])
    }
  }

  /** Until nobody has anything more to say. */
  async settles(): Promise<void> {
    for (;;) {
      for (const { session } of this.pages.values()) await session.idle
      const next = this.queue.shift()
      if (next === undefined) return
      const [to, message] = next
      for (const { from, ...sealed } of this.tamper(to, message)) this.pages.get(to)?.session.heard(from, sealed)
    }
  }

  /** So long that everybody's patience ends. */
  async elapses(): Promise<void> {
    const due = this.timers
    this.timers = []
    for (const run of due) run()
    await this.settles()
  }

  page(name: string): Page {
    const page = this.pages.get(name)
    assert.ok(page)
    return page
  }

  words(name: string): string {
    const { status } = this.page(name)
    return status.kind === 'sealed' ? status.words.join(' ') : status.kind
  }

  epoch(name: string): string {
    const { group } = this.page(name)
    return `${group?.id} ${group?.epoch}`
  }
}

async function call(...names: string[]): Promise<Node> {
  const node = new Node(names)
  for (const name of names) node.opens(name)
  await node.settles()
  return node
}

async function agree(node: Node, names: string[], what: string): Promise<void> {
  await node.settles()
  const secrets = new Set<string>()
  for (const name of names) {
    const { mode, group } = node.page(name)
    assert.equal(mode, 'sealed', `${what}: ${name} ${JSON.stringify(node.page(name).status)}`)
    assert.match(node.words(name), /^\S+ \S+ \S+ \S+$/, `${what}: ${name}`)
    assert.equal(node.words(name), node.words(names[0] ?? ''), `${what}: ${name}`)
    assert.deepEqual(group?.members?.map(({ participant }) => participant).toSorted(), names.toSorted(), `${what}: ${name}`)
    secrets.add(toBase64((await group?.export('test', new Uint8Array(), 16)) ?? new Uint8Array()))
  }
  assert.equal(secrets.size, 1, what)
}

test('whoever comes and goes, those who are there share the keys and the words', async () => {
  const node = new Node(['angele', 'jean', 'lea', 'noe'])
  node.opens('angele')
  await node.settles()
  assert.deepEqual([node.page('angele').mode, node.page('angele').status.kind], ['hold', 'alone'])
  const seen = new Set<string>()
  const step = async (what: string, names: string[]) => {
    await agree(node, names, what)
    const words = node.words(names[0] ?? '')
    assert.ok(!seen.has(words), `${what}: new words`)
    seen.add(words)
  }
  node.opens('jean')
  await step('Jean comes', ['angele', 'jean'])
  node.opens('noe')
  await step('Noé comes', ['angele', 'jean', 'noe'])
  node.opens('lea')
  await step('Léa comes', ['angele', 'jean', 'lea', 'noe'])
  node.set('jean', { seated: false, connected: false })
  await step('Jean leaves', ['angele', 'lea', 'noe'])
  node.set('angele', { seated: false, connected: false })
  await step('the one who took the steps leaves', ['lea', 'noe'])
  node.opens('noe')
  await step('Noé loads the page anew', ['lea', 'noe'])
  node.opens('lea')
  await step('the one who takes the steps loads the page anew', ['lea', 'noe'])
  node.opens('angele')
  node.opens('jean')
  await step('two come at once', ['angele', 'jean', 'lea', 'noe'])
  node.opens('angele')
  node.opens('jean')
  node.opens('lea')
  node.opens('noe')
  await step('everybody loads the page anew', ['angele', 'jean', 'lea', 'noe'])
  for (const name of ['angele', 'jean', 'lea', 'noe']) assert.ok(!node.page(name).modes.includes('clear'), `${name} sent nothing in clear`)
})

test('a broken line changes nothing, unless a step was missed meanwhile', async () => {
  const node = await call('angele', 'jean')
  const before = node.words('jean')
  node.set('jean', { connected: false })
  await node.settles()
  node.line('jean')
  await agree(node, ['angele', 'jean'], 'Jean’s line broke')
  assert.equal(node.words('jean'), before)

  node.restart()
  node.line('angele')
  await node.settles()
  node.line('jean')
  await agree(node, ['angele', 'jean'], 'the node restarted')
  assert.equal(node.words('jean'), before)

  const three = new Node(['angele', 'jean', 'lea'])
  three.opens('angele')
  three.opens('jean')
  await three.settles()
  three.set('jean', { connected: false })
  three.opens('lea')
  await three.settles()
  three.line('jean')
  await agree(three, ['angele', 'jean', 'lea'], 'Jean missed a step')
})

test('the waiting room and those aside are apart', async () => {
  const node = new Node(['angele', 'jean', 'lea', 'noe'])
  node.opens('angele')
  node.opens('jean')
  node.opens('lea')
  node.opens('noe', { place: 'waiting' })
  await agree(node, ['angele', 'jean', 'lea'], 'Noé waits')
  assert.equal(node.page('noe').mode, 'hold')
  node.set('noe', { place: 'in' })
  await agree(node, ['angele', 'jean', 'lea', 'noe'], 'Noé is let in')
  node.set('jean', { place: 'aside' })
  node.set('lea', { place: 'aside' })
  await agree(node, ['angele', 'noe'], 'in the room')
  await agree(node, ['jean', 'lea'], 'aside')
  node.set('jean', { place: 'in' })
  node.set('lea', { place: 'in' })
  await agree(node, ['angele', 'jean', 'lea', 'noe'], 'together again')
})

test('one browser that cannot makes everybody say so, until its owner leaves', async () => {
  const withZoe = new Node(['angele', 'jean', 'zoe'])
  withZoe.opens('angele')
  withZoe.opens('jean')
  await agree(withZoe, ['angele', 'jean'], 'before')
  withZoe.opens('zoe', { able: false })
  await withZoe.settles()
  for (const name of ['angele', 'jean']) {
    const { mode, status } = withZoe.page(name)
    assert.deepEqual([mode, status], ['clear', { kind: 'clear', because: 'browser', who: ['zoe'] }], name)
  }
  assert.ok(withZoe.view)
  assert.deepEqual(withoutEncryption(withZoe.view, 'zoe', 'setup'), { kind: 'clear', because: 'setup', who: ['zoe'] })
  withZoe.set('zoe', { seated: false, connected: false })
  await agree(withZoe, ['angele', 'jean'], 'after')
})

// From here on the node lies.

test('a node that takes the capability away is shown, at both ends', async () => {
  const node = new Node(['angele', 'jean'])
  node.forge = (_, view) => ({ ...view, participants: view.participants.map((other) => (other.participant === 'jean' ? { ...other, encryption: false } : other)) })
  node.opens('angele')
  node.opens('jean')
  await node.settles()
  assert.deepEqual(node.page('angele').status, { kind: 'clear', because: 'browser', who: ['jean'] })
  assert.deepEqual(node.page('jean').status, { kind: 'clear', because: 'server', who: ['jean'] })
})

test('keys swapped on the way: the words differ', async () => {
  // The man in the middle is Jean to Angèle and Angèle to Jean, with real keys of his own.
  const asJean = new Node(['angele', 'jean'])
  const asAngele = new Node(['angele', 'jean'])
  for (const half of [asJean, asAngele]) {
    half.opens('angele')
    half.opens('jean')
    await agree(half, ['angele', 'jean'], 'each half is a sound group')
  }
  assert.notEqual(asJean.words('angele'), asAngele.words('jean'))
})

test('keys under a name that the state does not show are not taken in', async () => {
  const node = new Node(['angele', 'jean'])
  const fake = async (participant: string, label: string) => (await Keys.make({ participant, role: 'citizen', label })).encode()
  const [stranger, renamed] = [await fake('mallory', 'MALLORY'), await fake('jean', 'L’enquêteur')]
  for (const payload of [stranger, renamed]) {
    node.tamper = (_, message) => (message.kind === 'key_package' && message.from === 'jean' ? [{ ...message, payload }] : [message])
    node.opens('angele')
    node.opens('jean')
    await node.settles()
    await node.elapses()
    assert.deepEqual([node.page('angele').mode, node.page('angele').status], ['hold', { kind: 'refused', because: 'stalled' }])
    assert.equal(node.page('jean').mode, 'hold')
  }
})

test('somebody in the group whom the state hides: nothing is sent, and the person is told', async () => {
  const node = await call('angele', 'jean', 'lea')
  node.forge = (to, view) => (to === 'angele' ? { ...view, participants: view.participants.filter(({ participant }) => participant !== 'lea') } : view)
  // The steps that would take her out do not arrive.
  node.tamper = (_, message) => (message.kind === 'commit' ? [] : [message])
  node.tellState()
  await node.settles()
  assert.equal(node.page('angele').mode, 'hold')
  await node.elapses()
  assert.equal(node.page('angele').mode, 'hold')
  assert.equal(node.page('angele').status.kind, 'refused')
  assert.ok(!node.page('angele').modes.includes('clear'))
})

test('steps replayed, forged or held back never end in equal words with different keys', async () => {
  const node = await call('angele', 'jean')
  const old = node.carried.filter(({ kind }) => kind === 'commit')
  assert.ok(old.length > 0)
  node.opens('jean')
  await agree(node, ['angele', 'jean'], 'Jean is back')
  const before = [node.epoch('angele'), node.words('angele')]

  // Replayed as they were, and dressed up as the step that is due.
  for (const message of old) {
    const { group } = node.page('angele')
    assert.ok(group)
    for (const { from, ...sealed } of [message, { ...message, group: group.id, epoch: group.epoch }, { ...message, group: group.id, epoch: group.epoch, payload: 'AAAA' }]) {
      node.page('angele').session.heard(from, sealed)
      node.page('jean').session.heard(from, sealed)
    }
  }
  await agree(node, ['angele', 'jean'], 'after the replays')
  assert.deepEqual([node.epoch('angele'), node.words('angele')], before)

  // Held back: from its author, or from the one who is to follow.
  for (const victim of ['angele', 'jean']) {
    const three = new Node(['angele', 'jean', 'lea'])
    three.opens('angele')
    three.opens('jean')
    await three.settles()
    const former = three.words(victim)
    three.tamper = (to, message) => (message.kind === 'commit' && to === victim ? [] : [message])
    three.opens('lea')
    await three.settles()
    await three.elapses()
    const others = ['angele', 'jean', 'lea'].filter((name) => name !== victim)
    const shown = three.words(victim)
    for (const other of others) {
      const same = three.words(other) === shown && three.page(victim).status.kind === 'sealed'
      assert.ok(!same || three.epoch(other) === three.epoch(victim), `${victim} and ${other} show the same words with other keys`)
    }
    assert.notEqual(shown, former, 'the former words are no longer shown as good')
    assert.ok(![...three.pages.values()].some(({ modes }) => modes.includes('clear')))
  }
})

test('a step that brings in somebody whom the state does not show stops the sending until they are out', async () => {
  const node = await call('angele', 'jean')
  // Jean's own page is the liar here: it takes in a stranger.
  const { group } = node.page('jean')
  const stranger = readKeyPackage((await Keys.make({ participant: 'mallory', role: 'citizen', label: 'MALLORY' })).encode())
  assert.ok(group && stranger)
  const { commit } = await group.step([stranger], [])
  const { modes } = node.page('angele')
  modes.length = 0
  node.page('angele').session.heard('jean', { kind: 'commit', group: group.id, epoch: group.epoch, payload: commit })
  await node.settles()
  assert.equal(modes[0], 'hold')
  assert.ok(!modes.includes('clear'))
  const members = node.page('angele').group?.members?.map(({ participant }) => participant)
  assert.ok(node.page('angele').mode === 'hold' || members?.includes('mallory') === false, 'who listens is whom the state shows')
})

test('a number that was not the one promised is an alarm', async () => {
  const node = await call('angele', 'jean')
  const { group } = node.page('jean')
  assert.ok(group)
  for (const word of [{ leaf: 1, commitment: 'another' }, { leaf: 1, nonce: toBase64(new Uint8Array(32)) }]) {
    node.opens('jean')
    await agree(node, ['angele', 'jean'], 'before')
    const { group: fresh } = node.page('jean')
    assert.ok(fresh)
    const leaf = fresh.ownLeaf
    const payload = await fresh.say(JSON.stringify({ ...word, leaf }))
    node.page('angele').session.heard('jean', { kind: 'application', group: fresh.id, epoch: fresh.epoch, payload })
    await node.settles()
    assert.deepEqual([node.page('angele').mode, node.page('angele').status], ['hold', { kind: 'refused', because: 'mismatch' }])
  }
})

test('nonsense changes nothing', async () => {
  const node = await call('angele', 'jean')
  const before = [node.epoch('angele'), node.words('angele')]
  const { group } = node.page('angele')
  assert.ok(group)
  for (const kind of ['key_package', 'commit', 'application'] as const) {
    for (const payload of ['', '!!', 'AAAA', toBase64(crypto.getRandomValues(new Uint8Array(300)))]) {
      node.page('angele').session.heard('jean', { kind, group: group.id, epoch: group.epoch, payload, welcome: payload })
      node.page('angele').session.heard('nobody', { kind, epoch: 0, payload })
    }
  }
  await agree(node, ['angele', 'jean'], 'after nonsense')
  assert.deepEqual([node.epoch('angele'), node.words('angele')], before)
})
