import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkWords, commitment, freshNonce, words } from './words'

const member = (participant: string, leaf: number, label = participant) => ({ participant, role: 'citizen', label, leaf })

test('the list is large, without doubles, and can be said', () => {
  assert.ok(words.length > 1800)
  assert.equal(new Set(words).size, words.length)
  for (const word of words) assert.match(word, /^[a-zàâäçéèêëîïôöûùü]{4,9}$/)
  for (const hurtful of ['victime', 'menacer', 'cruel', 'détresse']) assert.ok(!words.includes(hurtful), hurtful)
})

test('the words depend on the secret, on who is there and on everybody’s number', async () => {
  const secret = new Uint8Array(32).fill(1)
  const [one, two] = [new Uint8Array(32).fill(2), new Uint8Array(32).fill(3)]
  const members = [member('angele', 0), member('jean', 1)]
  const numbers = new Map([[0, one], [1, two]])
  const said = await checkWords(secret, members, numbers)
  assert.equal(said.length, 4)
  assert.ok(said.every((word) => words.includes(word)))
  assert.deepEqual(await checkWords(secret, members.toReversed(), numbers), said, 'whoever is listed first')
  for (const [what, other] of Object.entries({
    secret: checkWords(new Uint8Array(32), members, numbers),
    name: checkWords(secret, [member('angele', 0, 'Mallory'), member('jean', 1)], numbers),
    number: checkWords(secret, members, new Map([[0, one], [1, one]])),
    order: checkWords(secret, members, new Map([[0, two], [1, one]])),
  })) {
    assert.notDeepEqual(await other, said, what)
  }
})

test('a commitment fits one number, one member and one epoch', async () => {
  const [epoch, other] = [new Uint8Array(32), new Uint8Array(32).fill(1)]
  const nonce = freshNonce()
  const said = await commitment(epoch, 1, nonce)
  assert.equal(await commitment(epoch, 1, nonce.slice()), said)
  for (const different of [commitment(other, 1, nonce), commitment(epoch, 2, nonce), commitment(epoch, 1, freshNonce())]) {
    assert.notEqual(await different, said)
  }
})
