import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBase64 } from './bytes'
import { Group, Keys, type Offered, readKeyPackage } from './group'

const who = (participant: string, label = participant.toUpperCase()) => ({ participant, role: 'citizen', label })

async function offered(participant: string): Promise<[Keys, Offered]> {
  const keys = await Keys.make(who(participant))
  const read = readKeyPackage(keys.encode())
  assert.ok(read)
  return [keys, read]
}

/** Angèle founds a group and lets the others in. */
async function groupOf(...names: string[]): Promise<Group[]> {
  const founded = await Group.found(await Keys.make(who('angele')))
  const guests = await Promise.all(names.map(offered))
  const { next, welcome } = await founded.step(guests.map(([, read]) => read), [])
  assert.ok(welcome)
  return [next, ...(await Promise.all(guests.map(([keys]) => Group.enter(welcome, keys))))]
}

const secret = async (group: Group) => toBase64(await group.export('test', new Uint8Array(), 16))

test('members of an epoch share its secrets, and a step changes them', async () => {
  const [angele, jean, lea] = await groupOf('jean', 'lea')
  assert.ok(angele && jean && lea)
  assert.deepEqual(jean.members, [
    { ...who('angele'), leaf: 0 },
    { ...who('jean'), leaf: 1 },
    { ...who('lea'), leaf: 2 },
  ])
  assert.equal(jean.ownLeaf, 1)
  assert.equal(new Set(await Promise.all([angele, jean, lea].map(secret))).size, 1)
  assert.deepEqual(angele.authenticator, lea.authenticator)

  // Léa leaves and Noé comes, in one step of Jean's.
  const [keys, noe] = await offered('noe')
  const { commit, welcome, next } = await jean.step([noe], [2])
  assert.ok(welcome)
  const followed = await angele.follow(commit)
  assert.ok(followed)
  const entered = await Group.enter(welcome, keys)
  // Her place in the tree is Noé's now, so the library cannot even say that she was taken out.
  await assert.rejects(lea.follow(commit))
  assert.equal(new Set(await Promise.all([followed, next, entered].map(secret))).size, 1)
  assert.notEqual(await secret(next), await secret(lea))
  assert.equal(next.epoch, jean.epoch + 1)

  const last = await next.step([], [2])
  assert.equal(await entered.follow(last.commit), undefined, 'Noé is taken out')
})

test('what is said is heard by members of that epoch only', async () => {
  const [angele, jean] = await groupOf('jean')
  assert.ok(angele && jean)
  assert.equal(await jean.hear(await angele.say('bonjour')), 'bonjour')
  const [stranger] = await groupOf('zoe')
  assert.ok(stranger)
  const said = await angele.say('encore')
  await assert.rejects(stranger.hear(said))
  const { commit, next } = await angele.step([], [])
  await assert.rejects(next.hear(said), 'an epoch later')
  const followed = await jean.follow(commit)
  assert.ok(followed)
  assert.equal(await followed.hear(await next.say('ensuite')), 'ensuite')
})

test('what is not sound is refused', async () => {
  const [angele, jean] = await groupOf('jean')
  assert.ok(angele && jean)
  const { commit, next } = await angele.step([], [])
  const followed = await jean.follow(commit)
  assert.ok(followed)
  await assert.rejects(followed.follow(commit), 'the same step again')
  const bytes = Uint8Array.from(atob(commit), (character) => character.charCodeAt(0))
  for (let at = 0; at < bytes.length; at += 7) {
    const changed = bytes.slice()
    changed[at] = (changed[at] ?? 0) ^ 1
    await assert.rejects(jean.follow(toBase64(changed)), `byte ${at} of a commit`)
  }
  for (const nonsense of ['', '!', 'AAAA', commit.slice(0, 40), `${commit}AAAA`]) {
    await assert.rejects(jean.follow(nonsense))
    await assert.rejects(jean.hear(nonsense))
    await assert.rejects(Group.enter(nonsense, await Keys.make(who('x'))))
    assert.equal(readKeyPackage(nonsense), undefined)
  }
  const [, noe] = await offered('noe')
  const { welcome } = await next.step([noe], [])
  assert.ok(welcome)
  await assert.rejects(Group.enter(welcome, await Keys.make(who('noe'))), 'a welcome for other keys of the same name')
})
