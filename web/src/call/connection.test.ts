import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryDelay } from './backoff'
import { Connection, type Phase, type World } from './connection'
import type { ServerMessage } from './protocol'

/** A socket that a test opens, speaks through and closes. */
class FakeSocket {
  readyState = 0
  sent: Record<string, unknown>[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  constructor(readonly url: string) {}
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>)
  }
  close(): void {
    this.readyState = 3
  }
  opens(): void {
    this.readyState = 1
    this.onopen?.()
  }
  says(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
  closes(code: number): void {
    this.readyState = 3
    this.onclose?.({ code })
  }
}

/** A page with a clock that only the test moves. */
function page(answers: (() => Response | Promise<Response>)[] = []) {
  let now = 0
  let nextTimer = 1
  const timers = new Map<number, { at: number; run: () => void }>()
  const sockets: FakeSocket[] = []
  const phases: Phase[] = []
  const messages: ServerMessage[] = []
  let requests = 0
  const world: World = {
    fetch: async () => {
      const answer = answers[requests++] ?? (() => Response.json({ token: `t${requests}`, url: '/signaling', ice_servers: [] }))
      return answer()
    },
    openSocket: (url) => {
      const socket = new FakeSocket(url)
      sockets.push(socket)
      return socket as unknown as WebSocket
    },
    setTimer: (run, ms) => {
      timers.set(nextTimer, { at: now + ms, run })
      return nextTimer++
    },
    clearTimer: (timer) => timers.delete(timer),
    now: () => now,
    chance: () => 0.5,
    base: 'https://visio.example/audition/7',
  }
  const connection = new Connection('/audition/7/jeton', 'csrf', {
    onPhase: (phase) => phases.push(phase),
    onMessage: (message) => messages.push(message),
    onGrant: () => undefined,
  }, world)
  /** Lets promises settle, without moving the clock. */
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    await new Promise((done) => setImmediate(done))
  }
  const pass = async (ms: number) => {
    const until = now + ms
    for (;;) {
      const next = [...timers.entries()].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0]
      if (next === undefined) break
      timers.delete(next[0])
      now = next[1].at
      next[1].run()
      await settle()
    }
    now = until
  }
  return { connection, sockets, phases, messages, settle, pass, requests: () => requests, last: () => phases.at(-1) }
}

const joined = { type: 'joined', participant: 'p1', resume: 'r1' }

test('joins with a fetched token, on the page’s own host, and says so once seated', async () => {
  const { connection, sockets, settle, last, messages } = page()
  connection.start()
  await settle()
  const socket = sockets[0]
  assert.equal(socket?.url, 'wss://visio.example/signaling')
  assert.equal(connection.send({ type: 'leave' }), false, 'nothing is sent before the seat')
  socket?.opens()
  assert.deepEqual(socket?.sent, [{ type: 'join', token: 't1' }])
  socket?.says(joined)
  assert.deepEqual(last(), { kind: 'seated' })
  assert.equal(messages[0]?.type, 'joined')
})

test('a broken line comes back with a fresh token and the resume secret', async () => {
  const { connection, sockets, settle, pass, last } = page()
  connection.start()
  await settle()
  sockets[0]?.opens()
  sockets[0]?.says(joined)
  sockets[0]?.closes(1006)
  assert.deepEqual(last(), { kind: 'reconnecting', attempt: 0 })
  await pass(1000)
  sockets[1]?.opens()
  assert.deepEqual(sockets[1]?.sent, [{ type: 'join', token: 't2', resume: 'r1' }])
  sockets[1]?.says(joined)
  assert.deepEqual(last(), { kind: 'seated' })
})

test('close codes that are final are not tried again', async () => {
  for (const [code, why] of [
    [4403, 'refused'],
    [4409, 'replaced'],
    [4410, 'ended'],
  ] as const) {
    const { connection, sockets, settle, pass, last } = page()
    connection.start()
    await settle()
    sockets[0]?.opens()
    sockets[0]?.closes(code)
    assert.deepEqual(last(), { kind: 'over', why, code })
    await pass(60_000)
    assert.equal(sockets.length, 1)
  }
})

test('what the service refuses is shown in its own words; a service that restarts is waited for', async () => {
  const refused = page([() => Response.json({ code: 'too_early', message: 'Revenez à 10 h.' }, { status: 403 })])
  refused.connection.start()
  await refused.settle()
  assert.deepEqual(refused.last(), { kind: 'over', why: 'refused', code: 'too_early', message: 'Revenez à 10 h.' })

  const over = page([() => Response.json({ code: 'closed', message: 'Terminé.' }, { status: 410 })])
  over.connection.start()
  await over.settle()
  assert.equal((over.last() as { why?: string }).why, 'ended')

  const restarting = page([() => Promise.reject(new TypeError('no network')), () => new Response('bad gateway', { status: 502 }), () => Response.json({ half: 'an answer' })])
  restarting.connection.start()
  await restarting.settle()
  await restarting.pass(20_000)
  assert.ok(restarting.requests() > 3)
  assert.ok(restarting.sockets.length > 0)
})

test('while no media node has a place, the page says so and tries again', async () => {
  const full = () => Response.json({ code: 'refusal-no-media-place', message: 'Pas de place.' }, { status: 503 })
  const { connection, sockets, settle, pass, last } = page([full, full])
  connection.start()
  await settle()
  assert.deepEqual(last(), { kind: 'reconnecting', attempt: 0, full: true })
  await pass(1000)
  assert.deepEqual(last(), { kind: 'reconnecting', attempt: 1, full: true })
  await pass(2000)
  sockets[0]?.opens()
  sockets[0]?.says(joined)
  assert.deepEqual(last(), { kind: 'seated' })
})

test('a line on which nothing comes is given up, a line that answers is kept', async () => {
  const { connection, sockets, settle, pass, last } = page()
  connection.start()
  await settle()
  sockets[0]?.opens()
  sockets[0]?.says(joined)
  for (let beat = 0; beat < 5; beat++) {
    await pass(4000)
    assert.equal(sockets[0]?.sent.at(-1)?.type, 'ping')
    sockets[0]?.says({ type: 'pong', t: beat })
  }
  assert.deepEqual(last(), { kind: 'seated' })
  await pass(12_000)
  assert.ok(sockets.length > 1, 'another line was opened')
})

test('the better a line is known, the sooner it is given up', async () => {
  const { connection, sockets, settle, pass, last } = page()
  connection.start()
  await settle()
  sockets[0]?.opens()
  sockets[0]?.says(joined)
  const ping = sockets[0]?.sent.at(-1) as { type: string; t: number }
  assert.equal(ping.type, 'ping')
  await pass(200)
  sockets[0]?.says({ type: 'pong', t: ping.t })
  await pass(100)
  connection.probe()
  connection.probe()
  await pass(599)
  assert.deepEqual(last(), { kind: 'seated' })
  await pass(1)
  assert.equal(sockets.length, 2, 'and the next try does not wait')
})

test('after a change of network, one unanswered question is enough', async () => {
  const { connection, sockets, settle, pass, last } = page()
  connection.start()
  await settle()
  sockets[0]?.opens()
  sockets[0]?.says(joined)
  await pass(100)
  connection.probe()
  await pass(1999)
  assert.deepEqual(last(), { kind: 'seated' })
  await pass(1)
  assert.deepEqual(last(), { kind: 'reconnecting', attempt: 0 })
})

test('a line that opens and never seats is given up', async () => {
  const { connection, sockets, settle, pass } = page()
  connection.start()
  await settle()
  sockets[0]?.opens()
  await pass(4000)
  assert.equal(sockets[0]?.readyState, 3)
  assert.equal(sockets.length, 2)
})

test('leaving says so and stays gone; coming back starts anew', async () => {
  const { connection, sockets, settle, pass, last } = page()
  connection.start()
  await settle()
  sockets[0]?.opens()
  sockets[0]?.says(joined)
  connection.leave()
  assert.deepEqual(sockets[0]?.sent.at(-1), { type: 'leave' })
  assert.deepEqual(last(), { kind: 'over', why: 'left', code: 1000 })
  await pass(60_000)
  assert.equal(sockets.length, 1)
  connection.start()
  await settle()
  sockets[1]?.opens()
  assert.deepEqual(sockets[1]?.sent, [{ type: 'join', token: 't2' }], 'the former seat was given up')
})

test('tries come at once, then quickly, then slowly, and never in step', () => {
  const cases: [number, number, number][] = [
    [0, 0.9, 0],
    [1, 0, 100],
    [1, 1, 200],
    [2, 0, 200],
    [4, 0.5, 1200],
    [11, 0, 2000],
    [11, 1, 4000],
    [100000, 1, 4000],
  ]
  for (const [attempt, chance, delay] of cases) assert.equal(retryDelay(attempt, chance), delay, `${attempt} ${chance}`)
})
