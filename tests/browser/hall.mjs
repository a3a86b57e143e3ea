// A hall for tests of the media node in real browsers: `web/src/call/peer.ts` and
// `web/src/encryption` as the pages use them, around a node of the test's own. Each
// person's camera and screen is a plane of one colour, so that a test sees whose
// image is shown where. No page of the service takes part: the hall itself plays
// the service's end of the control channel.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { launchChromium, launchFirefox } from './lib.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const { build } = createRequire(join(root, 'web/package.json'))('esbuild')
const LIMIT_MS = 60_000

const script = `
  import { can, thisBrowser } from './src/call/abilities'
  import { Peer } from './src/call/peer'
  import { SUBPROTOCOL, parseServerMessage } from './src/call/protocol'
  import { Encryption } from './src/encryption/encryption'

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
    constructor({ url, token, colour, abilities, sealed, sound }) {
      this.encryption = new Encryption(sealed ? '/worker.js' : undefined, {
        onSend: (message) => this.say({ type: 'seal', ...message }),
        onStatus: ({ kind }) => (this.sealing = kind),
        onBypassed: () => (this.bypassed = true),
        onMeasured: (counts) => (this.frames = counts),
      })
      this.peer = new Peer({
        onAnswer: (negotiation, sdp) => this.say({ type: 'answer', negotiation, sdp }),
        onCandidate: () => {},
        onRemote: (participant, stream) => this.cameras.set(participant, stream),
        onRemoteGone: (participant) => this.cameras.delete(participant),
        onScreen: (participant, stream) => (stream ? this.screens.set(participant, stream) : this.screens.delete(participant)),
        onConnectionState: (state) => (this.state = state),
        onLines: (participants) => this.encryption.lines(participants),
        onLine: (transceiver, side, kind) => this.encryption.protect(transceiver, side, kind),
      })
      void this.peer.publish('video', plane(colour, 640, 480))
      void this.join(url, token, abilities, sound)
    }
    /** 'own' abilities: what the pages would say of this browser. */
    async join(url, token, abilities, sound) {
      await this.encryption.ready
      if (sound) void this.peer.publish('audio', (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks()[0])
      const own = can(thisBrowser(), this.encryption.able)
      this.socket = new WebSocket(url, SUBPROTOCOL)
      this.socket.onopen = () => this.say({ type: 'join', token, can: abilities === 'own' ? own : abilities })
      this.socket.onclose = ({ code }) => (this.closed = code)
      this.socket.onmessage = ({ data }) => {
        const message = parseServerMessage(data)
        if (message?.type === 'joined') {
          this.me = message.participant
          this.encryption.lineOpened(this.me)
          this.say({ type: 'media', audio: sound === true, video: true })
        }
        if (message?.type === 'seal' || message?.type === 'seal_refused') this.encryption.heard(message)
        if (message?.type === 'limit') void this.peer.sendAtMost(message.kind, message.bits_per_second)
        if (message?.type === 'state') {
          this.room = message
          this.encryption.room(message)
          void this.peer.sendTwoSizes(message.participants.filter(({ connected }) => connected).length >= 3)
        }
        if (message?.type !== 'offer') return
        this.offers.push({ fresh: message.fresh, lines: message.sdp.match(/^m=/gm).length })
        void this.peer.answer(message, this.me, [])
      }
      setInterval(() => this.say({ type: 'ping', t: 1 }), 4000)
      setInterval(async () => this.encryption.measured((await this.peer.stats()) ?? []), 1000)
    }
    say(message) {
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message))
    }
    want(participant, height) {
      this.say({ type: 'want', participant, kind: 'video', height })
    }
    share(colour) {
      void this.peer.publish('screen', colour === null ? null : plane(colour, 800, 600))
      this.say({ type: 'publish', kind: 'screen', on: colour !== null })
    }
    /** What a line received: the height of its image, how many frames were shown, and how loud it was so far. */
    async received(participant, kind) {
      const lines = Object.entries(this.peer.lines)
      const mid = lines.find(([, line]) => line.participant === participant && line.kind === kind)?.[0]
      // There is none before the first offer came.
      const stats = (await this.peer.stats()) ?? new Map()
      for (const entry of stats.values()) {
        if (entry.type !== 'inbound-rtp' || entry.mid !== mid) continue
        return { height: entry.frameHeight ?? 0, frames: entry.framesDecoded ?? 0, loudness: entry.totalAudioEnergy ?? 0, codec: stats.get(entry.codecId)?.mimeType }
      }
      return { height: 0, frames: 0, loudness: 0 }
    }
    /** The sizes that the camera sends at present, from the smallest. */
    async sent() {
      const heights = []
      for (const entry of ((await this.peer.stats()) ?? new Map()).values()) {
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

/** One person's page in either browser: how to run something there, and how to wait for it. */
class Seat {
  constructor(page, puppet) {
    this.page = page
    this.puppet = puppet
  }

  run(act, argument) {
    return this.page.evaluate(act, argument)
  }

  /** Waits until a function of the page, which may be asynchronous, is true. */
  async until(condition, argument, what) {
    const options = { polling: 100, timeout: LIMIT_MS }
    try {
      await (this.puppet ? this.page.waitForFunction(condition, options, argument) : this.page.waitForFunction(condition, argument, options))
    } catch (error) {
      throw new Error(`${what ?? condition}, ${JSON.stringify(argument)}: ${error.message}`, { cause: error })
    }
  }

  /** Waits until this page shows somebody's camera or screen in a colour. */
  shows(map, participant, colour) {
    return this.until(([map, participant, colour]) => colourOf(window.me[map].get(participant)) === colour, [map, participant, colour], `${map} show`)
  }

  /** Waits until somebody's camera comes in that height, and more than so many of its frames were shown. */
  receives(participant, height, more = 0) {
    return this.until(
      async ([participant, height, more]) => {
        const { height: now, frames } = await window.me.received(participant, 'video')
        return now === height && frames > more
      },
      [participant, height, more],
      'the camera comes',
    )
  }

  /** How many frames of somebody's camera were shown. */
  async frames(participant) {
    return (await this.run((participant) => window.me.received(participant, 'video'), participant)).frames
  }
}

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

/**
 * Opens the hall. Its `hearing` is of these people, all in, and answers one seat
 * each; `firefox`: somebody may come with that browser.
 */
export async function openHall({ firefox = false } = {}) {
  const files = { '/script.js': await bundled({ contents: script, resolveDir: join(root, 'web'), loader: 'ts' }), '/worker.js': await bundled(undefined, join(root, 'web/src/encryption/worker.ts')) }
  const server = createServer((request, response) => {
    const file = files[request.url]
    response.writeHead(200, { 'content-type': file === undefined ? 'text/html; charset=utf-8' : 'text/javascript' })
    response.end(file ?? '<!doctype html><title>Essai</title><body><script src="/script.js"></script></body>')
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const node = await startNode()
  const browser = await launchChromium()
  const fox = firefox ? await launchFirefox() : undefined
  const url = `http://127.0.0.1:${server.address().port}/`
  const close = async () => {
    await fox?.close()
    await browser.close()
    // Nobody is left to be drained for.
    node.child.kill('SIGKILL')
    server.closeAllConnections()
    server.close()
  }
  return { hearing: (room, people, options) => hearing({ node, browser, fox, url }, room, people, options), close }
}

async function bundled(stdin, entry) {
  const { outputFiles } = await build({ ...(stdin ? { stdin } : { entryPoints: [entry] }), bundle: true, format: stdin ? 'iife' : 'esm', write: false, target: ['chrome109', 'firefox115'] })
  return outputFiles[0].text
}

/** `abilities`: what all browsers say that they can, or 'own'; `sealed`: the call is end-to-end encrypted; `sound`: everybody speaks. */
async function hearing({ node, browser, fox, url }, room, people, { abilities = {}, sealed = false, sound = false } = {}) {
  const context = await browser.newContext({ permissions: ['microphone'] })
  const foxes = []
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
  const join = async (name, { firefox = false } = {}) => {
    const page = await (firefox ? fox.browser : context).newPage()
    if (firefox) foxes.push(page)
    page.setDefaultTimeout(LIMIT_MS)
    await page.goto(url)
    const token = node.token({ aud: 'visioplainte-media', room, sub: name, role: 'citizen', jti: name, gen: 1 })
    await page.evaluate((person) => void (window.me = new Person(person)), { url: `ws://${node.listen}/signaling`, token, colour: people[name], abilities, sealed, sound })
    return new Seat(page, firefox)
  }
  const close = async () => {
    for (const page of foxes) await page.close()
    await context.close()
  }
  return { join, push, close }
}
