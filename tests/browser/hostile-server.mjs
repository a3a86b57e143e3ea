// A server that lies about the end-to-end encryption: a program of its own that
// stands between browsers and the real service, passes pages through as they
// are, and rewrites what the pages and the media node say to each other.
//
//   node tests/browser/hostile-server.mjs PORT SERVICE_PORT
//
// Which lie is told is chosen with `POST /hostile/NAME`; the next connections
// and messages live by it. It is also what a curious operator could run: it has
// MLS keys of its own, so the man in the middle is a real one.

import { createRequire } from 'node:module'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './service.mjs'

const require = createRequire(join(root, 'web/package.json'))
const { build } = require('esbuild')
const { WebSocket, WebSocketServer } = require('ws')

const [port, servicePort] = process.argv.slice(2).map(Number)
const { Session } = await theirOwnClient()

let lie = 'honest'
/** The page's ends, by the role that the state tells each of itself. */
const lines = new Map()
/** Every step that went by, to be played again. */
const steps = []

/** What a dishonest operator can do: the pages' own code, run by somebody else. */
async function theirOwnClient() {
  const out = await mkdtemp(join(root, 'web/node_modules/.hostile-'))
  try {
    const outfile = join(out, 'session.mjs')
    await build({ absWorkingDir: join(root, 'web'), entryPoints: ['src/encryption/session.ts'], outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'warning' })
    return await import(pathToFileURL(outfile))
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

/** One page's connection and the node's, with the liar between them. */
class Line {
  role = undefined
  me = undefined
  /** In the man in the middle's play: who he is to this page. */
  double = undefined

  constructor(page, node) {
    this.page = page
    this.node = node
    const waiting = []
    page.on('message', (data) => {
      for (const message of this.fromPage(JSON.parse(data))) {
        if (node.readyState === WebSocket.OPEN) node.send(JSON.stringify(message))
        else waiting.push(JSON.stringify(message))
      }
    })
    node.on('open', () => waiting.splice(0).forEach((text) => node.send(text)))
    node.on('message', (data) => {
      for (const message of this.fromNode(JSON.parse(data))) this.tellPage(message)
    })
    const close = (one, other) => one.on('close', (code) => (code >= 3000 || code === 1000 || code === 1001 ? other.close(code) : other.terminate()))
    close(page, node)
    close(node, page)
    for (const end of [page, node]) end.on('error', () => end.terminate())
  }

  tellPage(message) {
    if (this.page.readyState === WebSocket.OPEN) this.page.send(JSON.stringify(message))
  }

  fromPage(message) {
    if (message.type === 'join') {
      const { role } = JSON.parse(Buffer.from(message.token.split('.')[1], 'base64url'))
      if (lie === 'strip' || (lie === 'strip_citizen' && role === 'citizen')) delete message.can
    }
    if (message.type === 'seal') {
      if (message.kind === 'commit') steps.push({ ...message, from: this.me })
      if (lie === 'middle') {
        const { type: _, to: __, ...sealed } = message
        // As the node would, he says that a step of the page was the first.
        if (sealed.kind === 'commit') this.tellPage({ type: 'seal', from: this.me, ...sealed })
        this.double?.session.heard(this.me, sealed)
        return []
      }
      if (lie === 'withhold_keys' && message.kind === 'key_package') return []
    }
    return [message]
  }

  fromNode(message) {
    if (message.type === 'joined' || message.type === 'waiting') this.me = message.participant
    if (message.type === 'state') {
      this.role = message.participants.find(({ participant }) => participant === this.me)?.role
      if (this.role !== undefined) lines.set(this.role, this)
      this.pretend(message)
      return [this.forge(message)]
    }
    if (message.type === 'seal' || message.type === 'seal_refused') {
      if (lie === 'middle') return []
      // The step is taken by its author alone, or by everybody but its author.
      if (message.kind === 'commit' && lie === 'withhold_from_author' && message.from === this.me) return []
      if (message.kind === 'commit' && lie === 'withhold_from_others' && message.from !== this.me) return []
    }
    return [message]
  }

  forge(view) {
    const others = (change) => ({ ...view, participants: view.participants.map((one) => (one.participant === this.me ? one : change(one))) })
    switch (lie) {
      case 'deny_to_officer':
        return this.role === 'officer' ? others((one) => (one.encryption === undefined ? one : { ...one, encryption: false })) : view
      case 'rename':
        return others((one) => ({ ...one, label: `${one.label} bis` }))
      case 'hide':
        // Somebody else is shown in place of who is really there.
        return others((one) => ({ ...one, participant: 'f'.repeat(32) }))
      default:
        return view
    }
  }

  /** The man in the middle: a member in the other's name, in a group with this page alone. */
  pretend(view) {
    if (lie !== 'middle') {
      this.double = undefined
      return
    }
    const other = view.participants.find(({ participant, encryption }) => participant !== this.me && encryption !== undefined)
    if (other === undefined) return
    if (this.double?.name !== other.participant) {
      const session = new Session({
        send: ({ to: _, ...sealed }) => {
          // He orders the steps himself, and every one of his is the first.
          this.tellPage({ type: 'seal', from: other.participant, ...sealed })
          if (sealed.kind === 'commit') session.heard(other.participant, sealed)
        },
        install: async () => undefined,
        show: () => undefined,
        after: () => () => undefined,
        warn: () => undefined,
      })
      this.double = { name: other.participant, session }
      session.lineOpened(other.participant)
    }
    this.double.session.room(view)
  }
}

/** Plays old steps again: as they were, and dressed up as the one that is due. */
function replay() {
  const due = steps.at(-1)
  for (const line of lines.values()) {
    for (const { to: _, ...step } of steps) {
      line.tellPage(step)
      line.tellPage({ ...step, group: due.group, epoch: due.epoch + 1 })
    }
  }
  return steps.length
}

const server = createServer((incoming, answer) => {
  const [, prefix, name] = incoming.url.split('/')
  if (prefix === 'hostile' && incoming.method === 'POST') {
    const said = name === 'replay' ? { replayed: replay() } : { lie: (lie = name) }
    answer.end(JSON.stringify(said))
    return
  }
  const onward = request({ host: '127.0.0.1', port: servicePort, path: incoming.url, method: incoming.method, headers: incoming.headers }, (reply) => {
    answer.writeHead(reply.statusCode, reply.rawHeaders)
    reply.pipe(answer)
  })
  onward.on('error', () => answer.destroy())
  incoming.on('error', () => onward.destroy())
  answer.on('close', () => onward.destroy())
  incoming.pipe(onward)
})

const sockets = new WebSocketServer({ noServer: true, handleProtocols: ([first]) => first })
server.on('upgrade', (incoming, socket, head) => {
  if (!incoming.url.startsWith('/signaling')) {
    const onward = connect(servicePort, '127.0.0.1', () => {
      onward.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${incoming.rawHeaders.map((part, at) => (at % 2 === 0 ? `${part}: ` : `${part}\r\n`)).join('')}\r\n`)
      onward.write(head)
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
    return
  }
  sockets.handleUpgrade(incoming, socket, head, (page) => {
    const { origin, cookie, host } = incoming.headers
    const headers = { host, ...(origin ? { origin } : {}), ...(cookie ? { cookie } : {}) }
    new Line(page, new WebSocket(`ws://127.0.0.1:${servicePort}${incoming.url}`, incoming.headers['sec-websocket-protocol'], { headers }))
  })
})
server.listen(port, '127.0.0.1', () => console.log(`between browsers on ${port} and the service on ${servicePort}`))
