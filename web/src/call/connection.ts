// The line to the media node: fetches a join token, opens the WebSocket, joins,
// keeps the line alive and takes it up again when it breaks.
//
// It knows nothing of WebRTC nor of the page: it hands messages on, and says in
// which phase the line is. The world (fetch, WebSocket, timers, chance) comes
// in as an argument, so that tests need neither network nor patience.

import { retryDelay } from './backoff'
import { type AfterClose, type Can, type ClientMessage, SUBPROTOCOL, type ServerMessage, afterClose, parseServerMessage } from './protocol'

/** Pages ping at least every third of the node's patience (15 s). */
const PING_EVERY_MS = 4000
/** A line on which nothing comes for so long is broken, whatever TCP says. */
const SILENCE_MS = 6000
/** How long a try may take from the token to the seat: the first, and each next one. */
const FIRST_OPENING_MS = 4000
const OPENING_MS = 8000
/** How long the answer to a probe may take, at least and at most; in between, three
    times the usual. */
const LEAST_PROBE_MS = 400
const MOST_PROBE_MS = 2000
/** What the service says while every media node is full: to be tried again. */
const NO_PLACE = 'refusal-no-media-place'

export type Phase =
  | { kind: 'connecting' }
  /** The line is open and the node has answered `waiting` or `joined`. */
  | { kind: 'seated' }
  /** The line broke; `attempt` tries have failed since. `full`: no media node has a place now. */
  | { kind: 'reconnecting'; attempt: number; full?: true }
  /** It will not come back by itself. `message` is the service's own words, when it gave some. */
  | { kind: 'over'; why: Exclude<AfterClose, 'retry'> | 'left'; code: number | string; message?: string }

/** What the service answers to a token request. */
export interface JoinGrant {
  token: string
  url: string
  ice_servers: RTCIceServer[]
}

export interface World {
  fetch: typeof fetch
  openSocket(url: string, protocol: string): WebSocket
  setTimer(run: () => void, ms: number): number
  clearTimer(timer: number): void
  now(): number
  chance(): number
  /** The page's address, against which the token's and the node's are read. */
  base: string
}

export interface Listener {
  onPhase(phase: Phase): void
  onMessage(message: ServerMessage): void
  onGrant(grant: JoinGrant): void
}

export class Connection {
  private socket: WebSocket | undefined
  private resume: string | undefined
  private can: Can = {}
  private attempt = 0
  /** Grows with each try, so that what an abandoned try still does is ignored. */
  private turn = 0
  private heardAt = 0
  /** How long the last ping of this line took; not known at first. */
  private roundTripMs = Infinity
  private probing = false
  private seated = false
  /** A try is under way, as opposed to waiting for the next one. */
  private opening = false
  private over = false
  private timers = new Set<number>()

  constructor(
    private readonly tokenUrl: string,
    private readonly csrf: string,
    private readonly listener: Listener,
    private readonly world: World,
  ) {}

  /** `can`: what the browser can do, told with every `join`. */
  start(can: Can = {}): void {
    this.over = false
    this.can = can
    this.attempt = 0
    this.listener.onPhase({ kind: 'connecting' })
    void this.open()
  }

  /** Sends when the line is open; false when it is not, and nothing is kept for later. */
  send(message: ClientMessage): boolean {
    if (this.socket === undefined || this.socket.readyState !== 1 || !this.seated) return false
    this.socket.send(JSON.stringify(message))
    return true
  }

  /** Leaves on purpose: the seat is given up. */
  leave(): void {
    this.send({ type: 'leave' })
    this.finish({ kind: 'over', why: 'left', code: 1000 })
  }

  /** The network changed or the page woke up: find out now whether the line still holds. */
  probe(): void {
    if (this.over || this.opening) return
    if (this.socket === undefined) {
      this.drop()
      void this.open()
      return
    }
    const asked = this.world.now()
    if (this.probing || !this.send({ type: 'ping', t: asked })) return
    const turn = this.turn
    this.probing = true
    this.after(Math.max(LEAST_PROBE_MS, Math.min(MOST_PROBE_MS, 3 * this.roundTripMs)), () => {
      this.probing = false
      if (turn === this.turn && this.heardAt < asked) this.broken()
    })
  }

  private async open(): Promise<void> {
    const turn = ++this.turn
    this.opening = true
    const abort = new AbortController()
    this.after(this.attempt <= 1 ? FIRST_OPENING_MS : OPENING_MS, () => {
      if (turn !== this.turn || this.seated) return
      abort.abort()
      this.broken()
    })
    const grant = await this.fetchGrant(turn, abort.signal)
    if (grant === undefined || turn !== this.turn) return
    this.listener.onGrant(grant)

    const address = new URL(grant.url, this.world.base)
    address.protocol = address.protocol === 'https:' || address.protocol === 'wss:' ? 'wss:' : 'ws:'
    let socket: WebSocket
    try {
      socket = this.world.openSocket(address.href, SUBPROTOCOL)
    } catch {
      this.broken()
      return
    }
    this.socket = socket
    socket.onopen = () => {
      if (turn !== this.turn) return
      const join: ClientMessage = { type: 'join', token: grant.token }
      if (this.resume !== undefined) join.resume = this.resume
      if (Object.keys(this.can).length > 0) join.can = this.can
      socket.send(JSON.stringify(join))
    }
    socket.onmessage = (event) => {
      if (turn !== this.turn || typeof event.data !== 'string') return
      this.heard(parseServerMessage(event.data))
    }
    socket.onclose = (event) => {
      if (turn === this.turn) this.closed(event.code)
    }
  }

  /** A token, or `undefined` when the try is settled already (refused, or to be tried again). */
  private async fetchGrant(turn: number, signal: AbortSignal): Promise<JoinGrant | undefined> {
    try {
      const response = await this.world.fetch(new URL(this.tokenUrl, this.world.base), {
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ csrf: this.csrf }).toString(),
        credentials: 'same-origin',
        redirect: 'error',
        signal,
      })
      if (turn !== this.turn) return undefined
      const body: unknown = await response.json().catch(() => undefined)
      if (turn !== this.turn) return undefined
      if (response.ok && isGrant(body)) return body
      if (refusal(response.status, body).code === NO_PLACE) {
        this.broken(true)
        return undefined
      }
      // Only what the service says on purpose ends the tries; a proxy's own
      // page while the service restarts does not.
      if (response.status >= 400 && response.status < 500 && response.status !== 429 && response.status !== 408) {
        this.finish({ kind: 'over', why: response.status === 410 ? 'ended' : 'refused', ...refusal(response.status, body) })
        return undefined
      }
    } catch {
      // No network, a time-out, or an answer cut short.
    }
    if (turn === this.turn) this.broken()
    return undefined
  }

  private heard(message: ServerMessage | undefined): void {
    this.heardAt = this.world.now()
    if (message === undefined) return
    if (message.type === 'waiting' || message.type === 'joined') {
      this.resume = message.resume
      const before = this.seated
      this.seated = true
      this.opening = false
      this.attempt = 0
      if (!before) {
        this.roundTripMs = Infinity
        this.listener.onPhase({ kind: 'seated' })
        this.beat(this.turn)
      }
    }
    if (message.type === 'pong') this.roundTripMs = Math.max(0, this.heardAt - message.t)
    this.listener.onMessage(message)
  }

  private beat(turn: number): void {
    if (turn !== this.turn) return
    if (this.world.now() - this.heardAt > SILENCE_MS) {
      this.broken()
      return
    }
    this.send({ type: 'ping', t: this.world.now() })
    this.after(PING_EVERY_MS, () => this.beat(turn))
  }

  private closed(code: number): void {
    const then = afterClose(code)
    if (then === 'retry') this.broken()
    else this.finish({ kind: 'over', why: then, code })
  }

  private broken(full = false): void {
    if (this.over) return
    this.drop()
    const attempt = this.attempt++
    this.listener.onPhase({ kind: 'reconnecting', attempt, ...(full ? { full } : {}) })
    this.after(retryDelay(attempt, this.world.chance()), () => void this.open())
  }

  private finish(phase: Extract<Phase, { kind: 'over' }>): void {
    this.over = true
    this.drop()
    this.resume = undefined
    this.listener.onPhase(phase)
  }

  /** Forgets the present line and everything that was waiting on it. */
  private drop(): void {
    this.turn++
    this.seated = false
    this.probing = false
    this.opening = false
    for (const timer of this.timers) this.world.clearTimer(timer)
    this.timers.clear()
    const socket = this.socket
    this.socket = undefined
    if (socket !== undefined && socket.readyState <= 1) socket.close(1000)
  }

  private after(ms: number, run: () => void): number {
    const timer: number = this.world.setTimer(() => {
      this.timers.delete(timer)
      run()
    }, ms)
    this.timers.add(timer)
    return timer
  }
}

/** The browser's own world. */
export function browserWorld(): World {
  return {
    fetch: (input, init) => window.fetch(input, init),
    openSocket: (url, protocol) => new WebSocket(url, protocol),
    setTimer: (run, ms) => window.setTimeout(run, ms),
    clearTimer: (timer) => window.clearTimeout(timer),
    now: () => performance.now(),
    chance: () => Math.random(),
    base: window.location.href,
  }
}

function isGrant(body: unknown): body is JoinGrant {
  if (typeof body !== 'object' || body === null) return false
  const { token, url, ice_servers: iceServers } = body as Record<string, unknown>
  return typeof token === 'string' && typeof url === 'string' && Array.isArray(iceServers)
}

function refusal(status: number, body: unknown): { code: number | string; message?: string } {
  const { code, message } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const known = typeof code === 'string' ? code : status
  return typeof message === 'string' ? { code: known, message } : { code: known }
}
