// The encryption's worker: the group's keys and all frames, away from the page,
// so that neither a slow page holds up sound nor a key stands in its memory.
// One worker serves all lines of a page.

import { Frames, type FrameKind } from './frames'
import { type Group, Keys } from './group'
import type { Turn } from './guard'
import { SealedBoxes } from './sealed-box'
import { Session } from './session'
import type { FromWorker, ToWorker, TransformOptions } from './wire'

/** The parts of the worker's own world that the page's types do not have. */
interface Transformer {
  options: TransformOptions
  readable: ReadableStream<EncodedFrame>
  writable: WritableStream<EncodedFrame>
  generateKeyFrame?(): Promise<unknown>
  sendKeyFrameRequest?(): Promise<unknown>
}
interface EncodedFrame {
  data: ArrayBuffer
  getMetadata?(): { mimeType?: string }
}
interface Scope {
  postMessage(message: FromWorker): void
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null
  onrtctransform: ((event: { transformer: Transformer }) => void) | null
}
const scope = self as unknown as Scope

const MEASURE_EVERY_MS = 1000

const post = (message: FromWorker) => scope.postMessage(message)
const frames = new Frames((ms, run) => void setTimeout(run, ms))
const boxes = new SealedBoxes()
const videoOut = new Set<Transformer>()
const videoIn = new Set<Transformer>()
/** Frames of every line that came by here, whatever became of them. */
const turned: Record<Turn, number> = { audioOut: 0, videoOut: 0, audioIn: 0, videoIn: 0 }
let lines: Record<string, string> = {}
let me = ''
let group: Group | undefined

const session = new Session({
  send: (message) => post({ type: 'send', message }),
  install: async (next) => {
    group = next
    await frames.install(next)
    if (next === undefined) boxes.uninstall()
    else await boxes.install(next)
  },
  show: (mode, status) => {
    if (frames.setMode(mode)) wantPictures()
    post({ type: 'show', status, epoch: group?.epoch })
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  warn: (what, error) => console.warn(what, error),
})

/** What was held back is missing on the other side: begin with a picture that stands by itself. */
function wantPictures(): void {
  for (const transformer of videoOut) void transformer.generateKeyFrame?.().catch(() => undefined)
  for (const transformer of videoIn) void transformer.sendKeyFrameRequest?.().catch(() => undefined)
}

scope.onrtctransform = ({ transformer }) => {
  const { options } = transformer
  const same = options.kind === 'audio' ? undefined : options.side === 'out' ? videoOut : videoIn
  same?.add(transformer)
  const turn = turnOf(options)
  const transform = new TransformStream<EncodedFrame, EncodedFrame>({
    async transform(frame, controller) {
      turned[turn]++
      const data = await turnedFrame(options, frame)
      if (data === undefined) return
      frame.data = data
      controller.enqueue(frame)
    },
  })
  transformer.readable
    .pipeThrough(transform)
    .pipeTo(transformer.writable)
    // The line ended, with its connection.
    .catch(() => undefined)
    .finally(() => same?.delete(transformer))
}

/** Only of VP8 and Opus is it known which bytes may be hidden; anything else passes in clear calls alone. */
async function turnedFrame(options: TransformOptions, frame: EncodedFrame): Promise<ArrayBuffer | undefined> {
  const codec = frame.getMetadata?.().mimeType?.toLowerCase()
  if (options.kind === 'video' && codec !== undefined && codec !== 'video/vp8') return frames.other(frame.data)
  const kind = kindOf(options.kind, frame)
  return options.side === 'out' ? frames.out(kind, frame.data) : frames.in(kind, frame.data, lines[options.mid])
}

function turnOf({ kind, side }: TransformOptions): Turn {
  return `${kind}${side === 'out' ? 'Out' : 'In'}`
}

/** A VP8 frame says in its first bit whether it stands by itself; that bit stays in clear on the way. */
function kindOf(kind: 'audio' | 'video', frame: EncodedFrame): FrameKind {
  if (kind === 'audio') return 'audio'
  const first = new Uint8Array(frame.data, 0, Math.min(1, frame.data.byteLength))[0] ?? 1
  return (first & 1) === 0 ? 'key' : 'delta'
}

scope.onmessage = ({ data: message }) => {
  switch (message.type) {
    case 'line':
      me = message.me
      session.lineOpened(message.me)
      break
    case 'room':
      session.room(message.view)
      break
    case 'heard':
      session.heard(message.from, message.message)
      break
    case 'seal_refused':
      session.refused(message.group, message.epoch)
      break
    case 'lines':
      lines = message.participants
      break
    case 'close':
      session.close()
      break
    case 'seal':
      void boxes.seal(message.kind, me, message.plain).then((box) => post({ type: 'sealed', id: message.id, box }))
      break
    case 'open':
      void boxes.open(message.kind, message.sender, message.box).then((plain) => post({ type: 'opened', id: message.id, plain }))
      break
  }
}

// Everything that will be needed, once, before anybody counts on it.
Keys.make({ participant: '', role: '', label: '' }).then(
  () => post({ type: 'ready', able: true }),
  () => post({ type: 'ready', able: false }),
)

setInterval(() => post({ type: 'measured', counts: { ...frames.count }, turned: { ...turned } }), MEASURE_EVERY_MS)
