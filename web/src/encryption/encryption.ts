// The page's side of the end-to-end encryption: finds out whether this browser
// can, starts the worker, puts a transform on every line, and carries messages
// between the worker and the node. Without it nothing here fails: the call goes
// on in clear, and says so.

import type { RoomView, ServerMessage } from '../call/protocol'
import { Guard, type Turn, framesOf } from './guard'
import type { Box } from './sealed-box'
import type { Outgoing } from './session'
import { type Inability, type Status, withoutEncryption } from './status'
import type { FromWorker, ToWorker, TransformOptions } from './wire'

/** How long the worker may take to load and to make its first keys. */
const START_WITHIN_MS = 10_000

export interface EncryptionListener {
  onSend(message: Outgoing): void
  onStatus(status: Status, epoch: number | undefined): void
  /** The browser lets frames pass by the encryption: nothing more may be sent. */
  onBypassed(): void
  /** Frames since the start, for measurements. */
  onMeasured(counts: Record<string, number>): void
}

/** A constructor that the page's types do not have yet in every version. */
type ScriptTransform = new (worker: Worker, options: TransformOptions) => unknown
type Transformed = { transform?: unknown }

export class Encryption {
  private worker: Worker | undefined
  private inability: Inability | undefined
  private me = ''
  private turned: Record<Turn, number> = { audioOut: 0, videoOut: 0, audioIn: 0, videoIn: 0 }
  private readonly guard = new Guard()
  private nextId = 0
  private readonly answers = new Map<number, (answer: never) => void>()
  /** Settles once it is known whether this page can; after that, `able` says it. */
  readonly ready: Promise<void>

  constructor(
    url: string | undefined,
    private readonly listener: EncryptionListener,
  ) {
    this.ready = this.start(url)
  }

  get able(): boolean {
    return this.worker !== undefined
  }

  private async start(url: string | undefined): Promise<void> {
    if (scriptTransform() === undefined || url === undefined) {
      this.inability = 'browser'
      return
    }
    const worker = await startWorker(url).catch(() => undefined)
    if (worker === undefined) this.inability = 'setup'
    else if (worker === 'unable') this.inability = 'browser'
    else {
      this.worker = worker
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.take(data)
    }
  }

  /** The first or a new line to the node. */
  lineOpened(me: string): void {
    this.me = me
    this.tell({ type: 'line', me })
  }

  room(view: RoomView): void {
    if (this.inability !== undefined) this.listener.onStatus(withoutEncryption(view, this.me, this.inability), undefined)
    else this.tell({ type: 'room', view })
  }

  heard(message: Extract<ServerMessage, { type: 'seal' | 'seal_refused' }>): void {
    if (message.type === 'seal_refused') this.tell({ type: 'seal_refused', group: message.group, epoch: message.epoch })
    else {
      const { type: _, from, ...sealed } = message
      this.tell({ type: 'heard', from, message: sealed })
    }
  }

  close(): void {
    this.tell({ type: 'close' })
  }

  /** Whose line is whose, before anything comes on it. */
  lines(participants: Record<string, string>): void {
    this.tell({ type: 'lines', participants })
  }

  /**
   * Puts our transform on a line, once, in the very turn in which the offer was
   * read: put on later, Chromium never runs it and says nothing.
   */
  protect(transceiver: RTCRtpTransceiver, side: 'in' | 'out', kind: 'audio' | 'video'): void {
    const Transform = scriptTransform()
    if (this.worker === undefined || Transform === undefined) return
    const end = (side === 'out' ? transceiver.sender : transceiver.receiver) as Transformed
    if (end.transform !== null && end.transform !== undefined) return
    const options: TransformOptions = side === 'out' ? { side, kind } : { side, kind, mid: transceiver.mid ?? '' }
    end.transform = new Transform(this.worker, options)
  }

  /** Compares, once a second, what the browser sent and showed with what came by the worker. */
  measured(report: Iterable<[string, unknown]>): void {
    if (this.able && this.guard.observe(framesOf(report), this.turned)) this.listener.onBypassed()
  }

  /** Seals a message or a file for those in the group; `undefined` while there is no group. */
  seal(kind: string, plain: Uint8Array<ArrayBuffer>): Promise<Box | undefined> {
    return this.ask((id) => ({ type: 'seal', id, kind, plain }))
  }

  /** Opens what `sender` sealed as that kind; `undefined` when it is not so. */
  open(kind: string, sender: string, box: Box): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.ask((id) => ({ type: 'open', id, kind, sender, box }))
  }

  private ask<T>(message: (id: number) => ToWorker): Promise<T | undefined> {
    if (this.worker === undefined) return Promise.resolve(undefined)
    const id = this.nextId++
    return new Promise((answer) => {
      this.answers.set(id, answer)
      this.tell(message(id))
    })
  }

  private tell(message: ToWorker): void {
    this.worker?.postMessage(message)
  }

  private take(message: FromWorker): void {
    switch (message.type) {
      case 'send':
        this.listener.onSend(message.message)
        break
      case 'show':
        this.listener.onStatus(message.status, message.epoch)
        break
      case 'sealed':
        this.answer(message.id, message.box)
        break
      case 'opened':
        this.answer(message.id, message.plain)
        break
      case 'measured':
        this.turned = message.turned
        this.listener.onMeasured(message.counts)
        break
      case 'ready':
        break
    }
  }

  private answer(id: number, value: unknown): void {
    this.answers.get(id)?.(value as never)
    this.answers.delete(id)
  }
}

function scriptTransform(): ScriptTransform | undefined {
  return (window as unknown as { RTCRtpScriptTransform?: ScriptTransform }).RTCRtpScriptTransform
}

/** A worker that can, or the word that this browser cannot; rejects when it does not start. */
function startWorker(url: string): Promise<Worker | 'unable'> {
  return new Promise((started, fail) => {
    const worker = new Worker(url, { type: 'module' })
    const late = window.setTimeout(() => refuse(new Error('the worker did not start')), START_WITHIN_MS)
    const refuse = (error: Error) => {
      window.clearTimeout(late)
      worker.terminate()
      fail(error)
    }
    worker.onerror = () => refuse(new Error('the worker did not load'))
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type !== 'ready') return
      window.clearTimeout(late)
      worker.onerror = null
      if (data.able) started(worker)
      else {
        worker.terminate()
        started('unable')
      }
    }
  })
}
