// What `web/src/call/peer.ts` and the media node make of real cameras in real
// Chromium: each person's camera and screen is a plane of one colour, so that a
// test sees whose image is shown where. No page of the service takes part: the
// test itself plays the service's end of the control channel.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { launchChromium } from './lib.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const { build } = createRequire(join(root, 'web/package.json'))('esbuild')
const LIMIT_MS = 60_000

const script = `
  import { Peer } from './src/call/peer'
  import { SUBPROTOCOL, parseServerMessage } from './src/call/protocol'

  /** A plane of one colour, never quite still, as a camera never is. */
  function plane(colour, width, height) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d')
    let turn = 0
    setInterval(() => {
      context.fillStyle = colour
      context.fillRect(0, 0, width, height)
      context.fillStyle = 'white'
      context.fillRect((turn++ * 8) % width, 0, 8, 8)
    }, 50)
    return canvas.captureStream(20).getVideoTracks()[0]
  }

  class Person {
    cameras = new Map()
    screens = new Map()
    offers = []
    constructor({ url, token, colour, can }) {
      this.peer = new Peer({
        onAnswer: (negotiation, sdp) => this.say({ type: 'answer', negotiation, sdp }),
        onCandidate: () => {},
        onRemote: (participant, stream) => this.cameras.set(participant, stream),
        onRemoteGone: (participant) => this.cameras.delete(participant),
        onScreen: (participant, stream) => (stream ? this.screens.set(participant, stream) : this.screens.delete(participant)),
        onConnectionState: (state) => (this.state = state),
        onLines: () => {},
        onLine: () => {},
      })
      void this.peer.publish('video', plane(colour, 640, 480))
      this.socket = new WebSocket(url, SUBPROTOCOL)
      this.socket.onopen = () => this.say({ type: 'join', token, can })
      this.socket.onclose = ({ code }) => (this.closed = code)
      this.socket.onmessage = ({ data }) => {
        const message = parseServerMessage(data)
        if (message?.type === 'joined') this.me = message.participant
        if (message?.type === 'state') {
          this.room = message
          void this.peer.sendTwoSizes(message.participants.filter(({ connected }) => connected).length >= 3)
        }
        if (message?.type !== 'offer') return
        this.offers.push({ fresh: message.fresh, lines: message.sdp.match(/^m=/gm).length })
        void this.peer.answer(message, this.me, [])
      }
      setInterval(() => this.say({ type: 'ping', t: 1 }), 4000)
    }
    say(message) {
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message))
    }
    want(participant, height) {
      this.say({ type: 'want', participant, kind: 'video', height })
    }
    share(colour) {
      void this.peer.publish('screen', colour === null ? null : plane(colour, 800, 600))
      this.say({ type: 'publish', kind: 'screen', on: colour !== null })
    }
    /** What an image line received: its height and how many of its frames were shown. */
    async received(participant, kind) {
      const lines = Object.entries(this.peer.lines)
      const mid = lines.find(([, line]) => line.participant === participant && line.kind === kind)?.[0]
      for (const entry of (await this.peer.stats()).values()) {
        if (entry.type === 'inbound-rtp' && entry.mid === mid) return { height: entry.frameHeight ?? 0, frames: entry.framesDecoded }
      }
      return { height: 0, frames: 0 }
    }
    /** The sizes that the camera sends at present, from the smallest. */
    async sent() {
      const heights = []
      for (const entry of (await this.peer.stats()).values()) {
        if (entry.type === 'outbound-rtp' && entry.kind === 'video' && entry.active !== false && entry.framesPerSecond > 0) heights.push(entry.frameHeight)
      }
      return heights.sort((a, b) => a - b)
    }
  }

  const videos = new Map()
  /** The colour in the middle of an image, as one word. */
  function colourOf(stream) {
    if (stream === undefined) return 'none'
    let video = videos.get(stream)
    if (video === undefined) {
      video = Object.assign(document.createElement('video'), { srcObject: stream, muted: true, autoplay: true, playsInline: true })
      videos.set(stream, video)
      video.width = 64
      document.body.append(video)
    }
    if (video.readyState < 2) {
      void video.play().catch(() => {})
      return 'none'
    }
    const canvas = Object.assign(document.createElement('canvas'), { width: 3, height: 3 })
    const context = canvas.getContext('2d')
    context.drawImage(video, 0, 0, 3, 3)
    const [red, green, blue] = [...context.getImageData(1, 1, 1, 1).data].map((part) => part > 110)
    return { true: { true: { true: 'white', false: 'yellow' }, false: { true: 'magenta', false: 'red' } }, false: { true: { true: 'cyan', false: 'lime' }, false: { true: 'blue', false: 'black' } } }[red][green][blue]
  }

  Object.assign(window, { Person, colourOf })
`

let browser
let server
let node
before(async () => {
  const bundle = await build({ stdin: { contents: script, resolveDir: join(root, 'web'), loader: 'ts' }, bundle: true, format: 'iife', write: false, target: 'chrome109' })
  server = createServer((request, response) => {
    const isScript = request.url === '/script.js'
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' })
    response.end(isScript ? bundle.outputFiles[0].text : '<!doctype html><title>Essai</title><body><script src="/script.js"></script></body>')
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  node = await startNode()
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  // Nobody is left to be drained for.
  node?.child.kill('SIGKILL')
  server?.closeAllConnections()
  server?.close()
})

/** A media node of its own, and the key that signs its tokens. */
async function startNode() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url').toString('hex')
  const address = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
  const child = spawn(join(root, 'target/debug/visioplainte'), ['media', '--listen', '127.0.0.1:0', '--udp', `${address}:0`, '--token-key', key], { stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout })
  const { value } = await lines[Symbol.asyncIterator]().next()
  assert.ok(value, 'the media node says where it listens')
  const { listen } = JSON.parse(value)
  const token = (claims) => {
    const now = Math.floor(Date.now() / 1000)
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${part({ alg: 'EdDSA', typ: 'JWT' })}.${part({ iat: now, exp: now + 300, ...claims })}`
    return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`
  }
  return { child, listen, token }
}

/** A hearing of these people, all in; answers one page each, and the means to change the room. */
async function hearing(room, people, { can = {} } = {}) {
  const context = await browser.newContext()
  const url = `http://127.0.0.1:${server.address().port}/`
  const service = await context.newPage()
  await service.goto(url)
  await service.evaluate(
    ({ url, token }) =>
      new Promise((ready) => {
        window.control = new WebSocket(url, 'visioplainte.control.v1')
        window.applied = 0
        window.control.onopen = () => window.control.send(JSON.stringify({ type: 'hello', token }))
        window.control.onmessage = ({ data }) => {
          const message = JSON.parse(data)
          if (message.type === 'applied') window.applied = message.version
          if (message.type === 'presence') ready()
        }
      }),
    { url: `ws://${node.listen}/control`, token: node.token({ aud: 'visioplainte-control', sub: 'test' }) },
  )
  let version = 0
  const push = async (names) => {
    version += 1
    const seats = names.map((participant) => ({
      participant,
      role: 'citizen',
      generation: 1,
      place: 'in',
      label: participant,
      publish: ['audio', 'video', 'screen'],
      hears: names.filter((other) => other !== participant),
    }))
    await service.evaluate((document) => window.control.send(JSON.stringify(document)), { type: 'room', room, version, expires_at_ms: Date.now() + 3_600_000, state: 'open', seats })
    await service.waitForFunction((version) => window.applied >= version, version, { timeout: LIMIT_MS })
  }
  await push(Object.keys(people))
  const join = async (name) => {
    const page = await context.newPage()
    page.setDefaultTimeout(LIMIT_MS)
    await page.goto(url)
    const token = node.token({ aud: 'visioplainte-media', room, sub: name, role: 'citizen', jti: name, gen: 1 })
    await page.evaluate((person) => void (window.me = new Person(person)), { url: `ws://${node.listen}/signaling`, token, colour: people[name], can })
    return page
  }
  return { join, push, close: () => context.close() }
}

/** Waits until a page shows somebody's camera or screen in a colour. */
function shows(page, map, participant, colour) {
  return page.waitForFunction(([map, participant, colour]) => colourOf(window.me[map].get(participant)) === colour, [map, participant, colour], { polling: 100 })
}

test('a shared screen is an image of its own, beside the camera and on the same connection', async () => {
  const { join, close } = await hearing('screen', { angele: 'red', jean: 'blue' })
  const angele = await join('angele')
  const jean = await join('jean')
  await shows(angele, 'cameras', 'jean', 'blue')
  await shows(jean, 'cameras', 'angele', 'red')
  await angele.evaluate(() => window.me.share('yellow'))
  await shows(jean, 'screens', 'angele', 'yellow')
  await shows(jean, 'cameras', 'angele', 'red')
  assert.equal(await jean.evaluate(() => window.me.room.participants[0].screen), true)
  await angele.evaluate(() => window.me.share(null))
  await jean.waitForFunction(() => window.me.screens.size === 0)
  await shows(angele, 'cameras', 'jean', 'blue')

  // Again and again, on the line that was used before: each is decoded, not only the first.
  for (const colour of ['magenta', 'lime']) {
    await angele.evaluate((colour) => window.me.share(colour), colour)
    await shows(jean, 'screens', 'angele', colour)
    const before = await jean.evaluate(() => window.me.received('angele', 'screen'))
    await jean.waitForFunction(async (before) => (await window.me.received('angele', 'screen')).frames > before + 20, before.frames, { polling: 100 })
    await angele.evaluate(() => window.me.share(null))
    await jean.waitForFunction(() => window.me.screens.size === 0)
  }
  await shows(jean, 'cameras', 'angele', 'red')
  // Nothing was begun anew.
  const offers = await jean.evaluate(() => window.me.offers)
  assert.deepEqual(offers.filter(({ fresh }) => fresh).length, 1)
  assert.equal(Math.max(...offers.map(({ lines }) => lines)), 5)
  await close()
})

test('three people see each other, each in the size in which the other is shown, and hidden images are not sent', async () => {
  const { join, close } = await hearing('sizes', { angele: 'red', jean: 'blue', avocate: 'lime' }, { can: { simulcast: 1 } })
  const angele = await join('angele')
  const jean = await join('jean')
  await shows(angele, 'cameras', 'jean', 'blue')
  await shows(jean, 'cameras', 'angele', 'red')
  // For two, the camera is sent once, in full.
  await angele.waitForFunction(async () => (await window.me.sent()).join() === '480')

  const avocate = await join('avocate')
  await angele.waitForFunction(async () => (await window.me.sent()).join() === '240,480')
  for (const page of [angele, jean]) await shows(page, 'cameras', 'avocate', 'lime')
  await shows(avocate, 'cameras', 'angele', 'red')
  await shows(avocate, 'cameras', 'jean', 'blue')

  const receives = (page, height, more = 0) =>
    page.waitForFunction(
      async ([height, more]) => {
        const { height: now, frames } = await window.me.received('angele', 'video')
        return now === height && frames > more
      },
      [height, more],
      { polling: 100 },
    )
  const frames = async (page) => (await page.evaluate(() => window.me.received('angele', 'video'))).frames
  // Down, up and down again on the very same line; the other subscriber is not disturbed.
  for (const [shown, height] of [
    [180, 240],
    [720, 480],
    [180, 240],
  ]) {
    await jean.evaluate((shown) => window.me.want('angele', shown), shown)
    await receives(jean, height)
    // And it goes on there, without a freeze that only a fresh start would end.
    await receives(jean, height, (await frames(jean)) + 20)
    await receives(avocate, 480, await frames(avocate))
    await shows(jean, 'cameras', 'angele', 'red')
  }

  await jean.evaluate(() => window.me.want('angele', 0))
  const shown = async () => {
    const before = await frames(jean)
    await receives(avocate, 480, (await frames(avocate)) + 20)
    return (await frames(jean)) - before
  }
  // What was under way when it was said may still come; then nothing does.
  for (let tries = 0; (await shown()) > 0; tries++) assert.ok(tries < 5, 'what is hidden still comes')
  await jean.evaluate(() => window.me.want('angele', 720))
  await receives(jean, 480, await frames(jean))

  await avocate.evaluate(() => window.me.say({ type: 'leave' }))
  await angele.waitForFunction(async () => (await window.me.sent()).join() === '480')
  await receives(jean, 480, (await frames(jean)) + 20)
  assert.deepEqual(await jean.evaluate(() => window.me.offers.filter(({ fresh }) => fresh).length), 1)
  await close()
})
