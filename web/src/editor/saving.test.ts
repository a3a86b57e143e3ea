import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type SaveState, Saving } from './saving'

/** A field, a clock that only the test moves, and a service that answers as told. */
function editor(answers: (Answer | Error)[] = []) {
  let now = 0
  let nextTimer = 1
  const timers = new Map<number, { at: number; run: () => void }>()
  const field = { value: 'début' }
  const sent: [string, string][] = []
  const states: [SaveState, string | undefined][] = []
  const saving = new Saving(
    () => field.value,
    '1',
    {
      now: () => now,
      setTimer: (run, ms) => {
        timers.set(nextTimer, { at: now + ms, run })
        return nextTimer++
      },
      clearTimer: (timer) => timers.delete(timer),
      send: async (text, version) => {
        sent.push([text, version])
        const answer = answers.shift() ?? { kind: 'saved', version: String(Number(version) + 1) }
        if (answer instanceof Error) throw answer
        return answer
      },
    },
    (state, message) => states.push([state, message]),
  )
  const pass = async (ms: number) => {
    const until = now + ms
    for (;;) {
      const next = [...timers.entries()].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0]
      if (next === undefined) break
      timers.delete(next[0])
      now = next[1].at
      next[1].run()
      await new Promise((done) => setImmediate(done))
    }
    now = until
  }
  const type = (text: string) => {
    field.value += text
    saving.typed()
  }
  return { saving, sent, states, pass, type, last: () => states.at(-1)?.[0] }
}

test('saves 800 ms after the last letter', async () => {
  const { sent, pass, type, last } = editor()
  type(' a')
  await pass(500)
  type('b')
  await pass(799)
  assert.deepEqual(sent, [])
  await pass(1)
  assert.deepEqual(sent, [['début ab', '1']])
  assert.equal(last(), 'saved')
})

test('saves at least every 3 seconds while typing goes on, each time on the version it got', async () => {
  const { sent, pass, type } = editor()
  for (let letter = 0; letter < 20; letter++) {
    type('x')
    await pass(500)
  }
  assert.deepEqual(sent.map(([, version]) => version), ['1', '2', '3'])
})

test('a text typed back to what is saved is not sent', async () => {
  const { saving, sent, pass, type, last } = editor()
  type('')
  assert.equal(saving.unsaved, false)
  await pass(5000)
  assert.deepEqual(sent, [])
  assert.equal(last(), 'saved')
})

test('another’s version stops the saving and keeps the text', async () => {
  const { saving, sent, states, pass, type } = editor([{ kind: 'conflict', message: 'Modifié par ailleurs.' }])
  type(' a')
  await pass(800)
  assert.deepEqual(states.at(-1), ['conflict', 'Modifié par ailleurs.'])
  type(' b')
  await pass(60_000)
  assert.equal(sent.length, 1)
  assert.equal(saving.unsaved, true)
  assert.equal(await saving.flush(), false)
})

test('without an answer the newest text is sent again until it is taken', async () => {
  const { saving, sent, pass, type, last } = editor([new Error('no network'), { kind: 'unreachable' }])
  type(' a')
  await pass(800)
  assert.equal(last(), 'retrying')
  await pass(1000)
  assert.equal(last(), 'retrying')
  await pass(2000)
  assert.equal(last(), 'saved')
  assert.deepEqual(sent, [['début a', '1'], ['début a', '1'], ['début a', '1']])
  assert.equal(saving.unsaved, false)
})

test('what is typed while a save is under way is saved after it', async () => {
  const { saving, sent, pass, type } = editor()
  type(' a')
  const first = saving.flush()
  type(' b')
  await first
  assert.equal(saving.unsaved, true)
  await pass(800)
  assert.deepEqual(sent, [['début a', '1'], ['début a b', '2']])
})

test('a flush saves at once and says whether it is safe', async () => {
  const { saving, sent, type } = editor()
  type(' a')
  assert.equal(await saving.flush(), true)
  assert.equal(await saving.flush(), true)
  assert.deepEqual(sent, [['début a', '1']])
})

test('a text handed to its own form is not sent twice', async () => {
  const { saving, sent, pass, type } = editor()
  type(' a')
  saving.handOver()
  await pass(10_000)
  assert.deepEqual(sent, [])
  assert.equal(saving.unsaved, false)
})
