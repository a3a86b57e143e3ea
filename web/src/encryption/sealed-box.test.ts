import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBase64, utf8 } from './bytes'
import { Group, Keys, readKeyPackage } from './group'
import { SealedBoxes } from './sealed-box'

async function two(): Promise<[Group, Group]> {
  const founded = await Group.found(await Keys.make({ participant: 'angele', role: 'citizen', label: 'A' }))
  const keys = await Keys.make({ participant: 'jean', role: 'officer', label: 'J' })
  const offered = readKeyPackage(keys.encode())
  assert.ok(offered)
  const { next, welcome } = await founded.step([offered], [])
  assert.ok(welcome)
  return [next, await Group.enter(welcome, keys)]
}

const said = utf8('J’ai joint la facture.')

test('what one seals the other opens, and nobody under another name, kind or epoch', async () => {
  const [angele, jean] = await two()
  const [hers, his, strangers] = [new SealedBoxes(), new SealedBoxes(), new SealedBoxes()]
  assert.equal(await hers.seal('chat', 'angele', said), undefined, 'without keys nothing goes out')
  await hers.install(angele)
  await his.install(jean)
  await strangers.install((await two())[0])
  const box = await hers.seal('chat', 'angele', said)
  assert.ok(box)
  assert.deepEqual(await his.open('chat', 'angele', box), said)
  assert.ok(!atob(box.payload).includes('facture'))
  assert.notEqual((await hers.seal('chat', 'angele', said))?.payload, box.payload, 'twice the same is not the same')

  assert.equal(await his.open('file', 'angele', box), undefined, 'another kind')
  assert.equal(await his.open('chat', 'jean', box), undefined, 'another sender')
  assert.equal(await his.open('chat', 'angele', { ...box, epoch: box.epoch + 1 }), undefined, 'another epoch')
  assert.equal(await strangers.open('chat', 'angele', box), undefined, 'another group')
  const bytes = Uint8Array.from(atob(box.payload), (character) => character.charCodeAt(0))
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice()
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(await his.open('chat', 'angele', { ...box, payload: toBase64(changed) }), undefined, `byte ${at}`)
  }
  for (const payload of ['', '!', 'AAAA']) assert.equal(await his.open('chat', 'angele', { ...box, payload }), undefined)
})

test('a new epoch has a new key; the last few still open, and none seals after the end', async () => {
  let [angele] = await two()
  const boxes = new SealedBoxes()
  await boxes.install(angele)
  const first = await boxes.seal('chat', 'angele', said)
  assert.ok(first)
  for (let later = 1; later <= 4; later++) {
    angele = (await angele.step([], [])).next
    await boxes.install(angele)
    assert.equal((await boxes.open('chat', 'angele', first)) !== undefined, later < 4, `${later} epochs later`)
  }
  const last = await boxes.seal('chat', 'angele', said)
  boxes.uninstall()
  assert.equal(await boxes.seal('chat', 'angele', said), undefined)
  assert.ok(last && (await boxes.open('chat', 'angele', last)))
})
