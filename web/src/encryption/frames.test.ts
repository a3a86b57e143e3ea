import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FrameKind, Frames } from './frames'
import { Group, Keys, readKeyPackage } from './group'

async function two(): Promise<[Group, Group]> {
  const founded = await Group.found(await Keys.make({ participant: 'angele', role: 'citizen', label: 'A' }))
  const keys = await Keys.make({ participant: 'jean', role: 'officer', label: 'J' })
  const offered = readKeyPackage(keys.encode())
  assert.ok(offered)
  const { next, welcome } = await founded.step([offered], [])
  assert.ok(welcome)
  return [next, await Group.enter(welcome, keys)]
}

/** Both sides' frames, keyed; what was put off runs when asked. */
async function keyed(): Promise<{ hers: Frames; his: Frames; groups: [Group, Group]; later: (() => void)[] }> {
  const groups = await two()
  const later: (() => void)[] = []
  const after = (_: number, run: () => void) => void later.push(run)
  const [hers, his] = [new Frames(after), new Frames(after)]
  await hers.install(groups[0])
  await his.install(groups[1])
  hers.setMode('sealed')
  his.setMode('sealed')
  return { hers, his, groups, later }
}

const frame = (length: number) => Uint8Array.from({ length }, (_, at) => at & 255).buffer
const same = (a: ArrayBuffer | undefined, b: ArrayBuffer) => assert.deepEqual(a && new Uint8Array(a), new Uint8Array(b))

test('frames of every kind and length come out as they went in, with only their header in clear', async () => {
  const { hers, his } = await keyed()
  for (const [kind, clear] of [['key', 10], ['delta', 3], ['audio', 1]] as [FrameKind, number][]) {
    for (const length of [clear, clear + 1, 300]) {
      const plain = frame(length)
      const sent = await hers.out(kind, plain)
      assert.ok(sent)
      same(sent.slice(0, clear), plain.slice(0, clear))
      assert.ok(sent.byteLength >= length + 17 && sent.byteLength <= length + 20, `${sent.byteLength} of ${length}`)
      same(await his.in(kind, sent, 'angele'), plain)
    }
    assert.equal(await hers.out(kind, frame(clear - 1)), undefined, 'too short to be a frame')
  }
  const long = await hers.out('audio', new Uint8Array(200).buffer)
  assert.ok(long && !Buffer.from(long).includes(Buffer.alloc(4)), 'silence is not seen in what is sent')
})

test('what the node may try with a frame plays nothing', async () => {
  const { hers, his, later } = await keyed()
  /** A key that is not there is awaited for a moment; that moment is over. */
  const plays = async (kind: FrameKind, data: ArrayBuffer, line: string | undefined) => {
    const answer = his.in(kind, data, line)
    await Promise.resolve()
    for (const run of later) run()
    return answer
  }
  const sent = async () => (await hers.out('delta', frame(40))) ?? new ArrayBuffer()
  const played = await sent()
  assert.ok(await plays('delta', played, 'angele'))
  const back = (await his.out('delta', frame(40))) ?? new ArrayBuffer()
  for (const [what, kind, data, line] of [
    ['the same again', 'delta', played, 'angele'],
    ['on somebody else’s line', 'delta', await sent(), 'lea'],
    ['on nobody’s line', 'delta', await sent(), undefined],
    ['as another kind', 'audio', await sent(), 'angele'],
    ['in clear', 'delta', frame(40), 'angele'],
    ['nothing', 'delta', new ArrayBuffer(), 'angele'],
    ['his own, sent back', 'delta', back, 'angele'],
  ] as [string, FrameKind, ArrayBuffer, string | undefined][]) {
    assert.equal(await plays(kind, data, line), undefined, what)
  }
  const whole = new Uint8Array(await sent())
  for (let at = 0; at < whole.length; at++) {
    const changed = whole.slice()
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(await plays('delta', changed.buffer, 'angele'), undefined, `byte ${at}`)
  }
  assert.ok(await plays('delta', whole.buffer, 'angele'), 'and the right one still plays')
})

test('nothing that can be read goes out while held, everything while in clear', async () => {
  const { hers, his } = await keyed()
  const unreadable = async (what: string) => {
    const { held, sealed } = hers.count
    assert.equal(await his.in('key', (await hers.out('key', frame(20))) ?? new ArrayBuffer(), 'angele'), undefined, what)
    assert.deepEqual({ ...hers.count, held, sealed }, { ...hers.count, held: hers.count.held - 1, sealed: hers.count.sealed }, what)
  }
  hers.setMode('hold')
  await unreadable('held')
  assert.equal(hers.other(frame(20)), undefined, 'a codec that cannot be encrypted')
  assert.equal(hers.setMode('clear'), true, 'a whole picture is wanted')
  same(await hers.out('key', frame(20)), frame(20))
  same(await hers.in('key', frame(20), undefined), frame(20))
  same(hers.other(frame(20)), frame(20))
  await hers.install(undefined)
  hers.setMode('sealed')
  await unreadable('sealed, without keys')
})

test('frames of the last epoch play for a while, those of the next wait for their step', async () => {
  const { hers, his, groups, later } = await keyed()
  const last = await hers.out('delta', frame(40))
  const { commit, next } = await groups[0].step([], [])
  await hers.install(next)
  assert.equal(hers.setMode('sealed'), false)
  const early = await hers.out('delta', frame(41))
  assert.ok(last && early)
  const waiting = his.in('delta', early, 'angele')
  const followed = await groups[1].follow(commit)
  assert.ok(followed)
  await his.install(followed)
  same(await waiting, frame(41))
  same(await his.in('delta', last, 'angele'), frame(40))
  for (const run of later) run()
  const again = his.in('delta', last, 'angele')
  for (const run of later) run()
  assert.equal(await again, undefined, 'the key of the last epoch is gone')
})
